// The elements of index.html that the page works with, each of the type that it has there.

function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`index.html has no ${type.name} with the id ${id}`);
}

/** The page's elements. */
export const elements = {
  settings: byId("settings", HTMLFormElement),
  examples: byId("examples", HTMLFieldSetElement),
  backend: byId("backend", HTMLSelectElement),
  backendNote: byId("backend-note", HTMLElement),
  size: byId("size", HTMLSelectElement),
  steps: byId("steps", HTMLInputElement),
  seed: byId("seed", HTMLInputElement),
  textHelp: byId("text-help", HTMLElement),
  text: byId("text", HTMLTextAreaElement),
  train: byId("train", HTMLButtonElement),
  pause: byId("pause", HTMLButtonElement),
  stop: byId("stop", HTMLButtonElement),
  save: byId("save", HTMLButtonElement),
  load: byId("load", HTMLInputElement),
  training: byId("training", HTMLElement),
  status: byId("status", HTMLElement),
  notices: byId("notices", HTMLElement),
  error: byId("error", HTMLElement),
  progress: byId("progress", HTMLProgressElement),
  step: byId("step", HTMLElement),
  loss: byId("loss", HTMLElement),
  speed: byId("speed", HTMLElement),
  chart: byId("chart", HTMLElement),
  sample: byId("sample", HTMLElement),
  question: byId("question", HTMLFormElement),
  questionLabel: byId("question-label", HTMLElement),
  input: byId("input", HTMLInputElement),
  ask: byId("ask", HTMLButtonElement),
  answer: byId("answer", HTMLElement),
};
