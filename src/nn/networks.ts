/**
 * Networks that turn standardised data into features and are trained with the guide. A row of the table is a name, its options, and
 * the network; a network of one's own is a function (y, nn) → features. They are loaded with the first map or training that has one.
 */
import { describe } from "../checks/arguments.ts";
import { check, type OptionsOf, option, readOptions, type SettingsOf, whole } from "../checks/options.ts";
import type { DataKind } from "../distributions/noise/noise.ts";
import { input, weight } from "../graph/build.ts";
import { isTensor, show, type Tensor, topological } from "../graph/tensor.ts";
import type { Embedding, NetworkSpec } from "./embedding.ts";
import { type Layers, layersOf } from "./layers.ts";
import { type MakeWeight, widths } from "./mlp.ts";

/** An embedding of one's own: features (B, E) of standardised data (B, M), written with ops and layers. */
export type OwnEmbedding = (y: Tensor, nn: Layers) => Tensor;

const convolution = {
  /** Channels of the data, position after position with all channels of each. */
  inputs: option(whole(1), 1),
  /** Channels after each layer. */
  channels: option(widths, [16, 32, 32]),
  /** Positions that each result sees. */
  kernel: option(whole(1), 5),
  /** Positions from one result to the next. */
  stride: option(whole(1), 2),
  /** Features E. */
  features: option(whole(1, 65_536), 32),
};
const recurrent = {
  /** Channels of the data, position after position with all channels of each. */
  inputs: option(whole(1), 1),
  /** Length of the state. */
  hidden: option(whole(1, 4096), 32),
  /** Consecutive positions that enter in one step. */
  stride: option(whole(1), 1),
};

/** A named network. */
interface Family<Table extends typeof convolution | typeof recurrent> {
  readonly table: Table;
  readonly build: (x: Tensor, nn: Layers, options: SettingsOf<Table>) => Tensor;
}
const family = <Table extends typeof convolution | typeof recurrent>(
  table: Table,
  build: Family<Table>["build"],
): Family<Table> => ({ table, build });

/** The networks by name. */
const families = {
  /** Convolutions along a series, then a dense layer. */
  conv: family(convolution, (x, nn, { inputs, channels, kernel, stride, features }) => {
    let [h, wide] = [x, inputs];
    for (const count of channels) {
      h = nn.conv(h, { inputs: wide, channels: count, kernel, stride });
      wide = count;
    }
    return nn.dense(h, { width: features });
  }),
  /** The last state of a gated recurrent unit. */
  gru: family(recurrent, (x, nn, { inputs, hidden, stride }) => {
    if (x.cols % (inputs * stride) !== 0)
      throw new Error(
        `embedding.gru: expected a series of whole steps of ${stride} × ${inputs} numbers, got ${x.cols} numbers`,
      );
    return nn.gru(x, { inputs: inputs * stride, hidden });
  }),
} as const;
/** Name of a network. */
export type NetworkName = keyof typeof families;

/** A network by its name and options, among options. */
export type NetworkOption = {
  readonly [Name in NetworkName]: { readonly [N in Name]: OptionsOf<(typeof families)[Name]["table"]> };
}[NetworkName];

/** What `embedding` may be beside the fixed ones. */
export const networkCheck = check<NetworkOption | OwnEmbedding>(
  `a function (y, nn) => tensor, or { ${Object.keys(families).join(" } or { ")} } with its options`,
  (x) =>
    typeof x === "function" ||
    (typeof x === "object" && x !== null && Object.keys(x).length === 1 && Object.keys(x)[0] in families),
);

/** The name under which files keep a network of one's own. */
export const OWN = "own";

/** A network: features (B, E) of standardised data (B, F). */
export type Network = (x: Tensor) => Tensor;

type Source = Pick<NetworkSpec, "name" | "options">;

/** The network of a name and options; `own` is that of the caller. @throws on options that it does not have. */
function networkOf({ name, options }: Source, own: OwnEmbedding | undefined, make: MakeWeight): Network {
  if (name === OWN) return (x) => checked(x, (own as OwnEmbedding)(x, layersOf("network", make)));
  const { table, build } = families[name as NetworkName] as Family<typeof convolution>;
  const settings = readOptions(`embedding.${name}`, table, options);
  return (x) => build(x, layersOf("network", make), settings);
}

/** @throws unless a function answered features of its data. */
function checked(x: Tensor, features: unknown): Tensor {
  const expected = "embedding: expected the function to return features (B, E) of single precision";
  if (!isTensor(features)) throw new Error(`${expected}, got ${describe(features)}`);
  if (features.kind !== "batch" || features.rows !== x.rows || features.dtype !== "f32")
    throw new Error(`${expected}, got ${show(features)} ${features.dtype}`);
  const nodes = topological([features], [x]);
  const other = nodes.find((t) => t !== x && (t.op === "input" || t.op === "random" || t.op === "bankRows"));
  if (other) throw new Error(`${expected} that depend on its data alone, got ${other.op} in them`);
  const foreign = nodes.find((t) => t.op === "param" && !String(t.attrs.name).startsWith("network."));
  if (foreign)
    throw new Error(`${expected} with weights of nn, got the weight "${foreign.attrs.name}"; make layers by nn`);
  return features;
}

/**
 * An embedding that is trained with the guide, of M data of a kind, and its network, which follows the fixed part. @throws where the
 * network does not fit them.
 */
export function trainedEmbedding(
  given: NetworkOption | OwnEmbedding,
  M: number,
  data: DataKind,
): { readonly embedding: Embedding; readonly network: Network } {
  const [name, options] = typeof given === "function" ? [OWN, {}] : Object.entries(given)[0];
  const source = { name, options: options as NetworkSpec["options"] };
  const network = networkOf(source, typeof given === "function" ? given : undefined, weight);
  const size = network(input("y", M)).cols;
  return {
    embedding: { kind: data === "counts" ? "root" : "standardise", size: M, network: { ...source, size } },
    network,
  };
}

/** Whether an option asks for a network. */
export const isNetworkOption = (x: unknown): x is NetworkOption | OwnEmbedding => networkCheck.test(x);

/**
 * The network of a file.
 * @throws for a network of one's own without its function, and where the network does not answer as many features as the file says.
 */
export function networkFrom(spec: NetworkSpec | undefined, own: OwnEmbedding | undefined, make: MakeWeight): Network {
  if (spec === undefined) throw new Error("load: expected no embedding for a map with a fixed one, got a function");
  if (spec.name === OWN && own === undefined)
    throw new Error(
      "load: expected the embedding of the caller's own that this map was trained with, got none; use load(file, { embedding })",
    );
  if (spec.name !== OWN && own !== undefined)
    throw new Error(`load: expected no embedding for a map with the embedding "${spec.name}", got a function`);
  if (spec.name !== OWN && !Object.hasOwn(families, spec.name))
    throw new Error(
      `model file: expected embedding.network to be one of ${Object.keys(families).join(", ")}, got "${spec.name}"`,
    );
  const network = networkOf(spec, own, make);
  return (x) => {
    const features = network(x);
    if (features.cols === spec.size) return features;
    throw new Error(`load: expected an embedding of ${spec.size} features, got one of ${features.cols}`);
  };
}
