// The page: settings go to the worker, reports come back. All training happens in the worker, so the page stays quick.

import { descriptions } from "./examples/descriptions.js";
import type { BackendName, ExampleName, Phase, Report, Request, RunSettings, Size } from "./messages.js";
import { webGpuAvailable } from "./page/available.js";
import { elements } from "./page/elements.js";
import { LossChart } from "./page/loss-chart.js";

const worker = new Worker(new URL("./training/worker.ts", import.meta.url), { type: "module" });
const chart = new LossChart(elements.chart);
const names = Object.keys(descriptions) as ExampleName[];
/** The texts that the reader has changed, by example. */
const texts = new Map<ExampleName, string>();
let chosen: ExampleName = "gpt";
let phase: Phase = "preparing";
/** The example of the model that there is. */
let trained: ExampleName | undefined;
let steps = 0;

const send = (request: Request, transfer: Transferable[] = []): void => worker.postMessage(request, transfer);
const backend = (): BackendName => elements.backend.value as BackendName;
const speedFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const phaseTexts: Readonly<Record<Phase, string>> = {
  idle: "Ready.",
  preparing: "Preparing …",
  training: "Training.",
  paused: "Paused.",
  finished: "Finished.",
  stopped: "Stopped.",
  failed: "Training has ended with an error.",
};

function showError(text: string | undefined): void {
  elements.error.hidden = text === undefined;
  elements.error.textContent = text ?? "";
  // On a phone it may be a screen away.
  if (text !== undefined) elements.error.scrollIntoView({ block: "nearest" });
}

function setPhase(next: Phase): void {
  phase = next;
  const { train, pause, stop, save, load, ask } = elements;
  const isRunning = phase === "training" || phase === "paused";
  const isReady = phase !== "preparing";
  train.disabled = isRunning || !isReady;
  pause.disabled = !isRunning;
  pause.textContent = phase === "paused" ? "Resume" : "Pause";
  stop.disabled = !isRunning;
  load.disabled = phase === "training" || !isReady;
  save.disabled = ask.disabled = trained === undefined || !isReady;
  elements.examples.disabled = isRunning || !isReady;
  elements.status.textContent = phaseTexts[phase];
}

function choose(name: ExampleName): void {
  chosen = name;
  const { textHelp, steps: defaultSteps, sampleText } = descriptions[name];
  elements.textHelp.textContent = textHelp;
  elements.text.value = texts.get(name) ?? sampleText();
  elements.steps.value = String(defaultSteps);
  showQuestion(trained ?? name);
}

/** What an example's model can be asked; what the reader has typed for it stays. */
function showQuestion(name: ExampleName): void {
  const { label, example } = descriptions[name].question;
  if (elements.questionLabel.textContent === label) return;
  elements.questionLabel.textContent = label;
  elements.input.value = example;
}

/** What a model of an example has shown so far: nothing, when it is a new one. */
function showModel(name: ExampleName, isNew: boolean): void {
  if (isNew || name !== trained) {
    elements.sample.textContent = "Nothing yet.";
    elements.answer.hidden = true;
  }
  trained = name;
}

function showProgress(step: number, loss: number | undefined): void {
  elements.progress.max = Math.max(1, steps);
  elements.progress.value = step;
  elements.step.textContent = `${step} of ${steps}`;
  if (loss !== undefined) elements.loss.textContent = loss.toFixed(4);
}

function showSettings({ example, size, steps: all, seed, text }: RunSettings): void {
  texts.set(example, text);
  for (const radio of elements.examples.querySelectorAll("input")) radio.checked = radio.value === example;
  choose(example);
  elements.size.value = size;
  elements.steps.value = String(all);
  elements.seed.value = String(seed);
}

function download(bytes: ArrayBuffer, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}

function show(report: Report): void {
  switch (report.kind) {
    case "phase":
      setPhase(report.phase);
      break;
    case "run": {
      const { settings, device, description, history } = report;
      steps = settings.steps;
      showModel(settings.example, history.length === 0);
      showSettings(settings);
      chart.reset(history);
      elements.loss.textContent = elements.speed.textContent = "–";
      showProgress(history.length, history.at(-1)?.loss);
      elements.backendNote.textContent = `On ${device}: ${description}.`;
      break;
    }
    case "progress": {
      chart.add(report.points);
      const { step, loss } = report.points.at(-1)!;
      showProgress(step, loss);
      elements.speed.textContent = `${speedFormat.format(report.unitsPerSecond)} ${report.unit}/s`;
      break;
    }
    case "sample":
      elements.sample.textContent = `${report.text}\n\n(after ${report.step} steps)`;
      break;
    case "answer":
      elements.answer.hidden = false;
      elements.answer.textContent = report.text;
      break;
    case "checkpoint":
      download(report.bytes, report.name);
      break;
    case "notice":
      elements.notices.textContent = report.text;
      break;
    case "error":
      showError(report.text);
      break;
  }
}

for (const name of names) {
  const { title, about } = descriptions[name];
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "example", value: name });
  radio.checked = name === chosen;
  radio.addEventListener("change", () => choose(name));
  const note = Object.assign(document.createElement("span"), { className: "note", textContent: about });
  label.append(radio, title, note);
  elements.examples.append(label);
}

elements.text.addEventListener("input", () => texts.set(chosen, elements.text.value));
elements.settings.addEventListener("submit", (event) => {
  event.preventDefault();
  showError(undefined);
  const settings: RunSettings = {
    example: chosen,
    size: elements.size.value as Size,
    steps: elements.steps.valueAsNumber,
    seed: elements.seed.valueAsNumber,
    text: elements.text.value,
  };
  elements.notices.textContent = "";
  setPhase("preparing");
  elements.training.scrollIntoView({ block: "nearest" });
  send({ kind: "start", settings, backend: backend() });
});
elements.pause.addEventListener("click", () => send({ kind: phase === "paused" ? "resume" : "pause" }));
elements.stop.addEventListener("click", () => send({ kind: "stop" }));
elements.save.addEventListener("click", () => send({ kind: "save" }));
elements.load.addEventListener("change", async () => {
  const file = elements.load.files?.[0];
  // The same file may be chosen again.
  if (!file) return;
  const checkpoint = await file.arrayBuffer();
  elements.load.value = "";
  showError(undefined);
  send({ kind: "load", checkpoint, backend: backend() }, [checkpoint]);
});
elements.question.addEventListener("submit", (event) => {
  event.preventDefault();
  showError(undefined);
  send({ kind: "ask", input: elements.input.value });
});
worker.addEventListener("message", ({ data }: MessageEvent<Report>) => show(data));
worker.addEventListener("error", (event) => {
  setPhase("failed");
  showError(`The training worker could not be started: ${event.message}`);
});

choose(chosen);
const { available, note } = await webGpuAvailable();
elements.backendNote.textContent = note;
const webGpu = elements.backend.querySelector<HTMLOptionElement>("option[value=webgpu]")!;
webGpu.disabled = !available;
webGpu.selected = available;
setPhase("idle");
