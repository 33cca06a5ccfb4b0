// The public surface of @torchium/tensor/data: batches, and random orders on the host.

export { DataLoader, type DataLoaderOptions, type DataLoaderState, type Dataset } from "./data-loader.js";
export { HostRandom, permutation } from "./host-random.js";
export { TensorDataset } from "./tensor-dataset.js";
