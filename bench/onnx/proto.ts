// A writer of ONNX files: the few messages of onnx.proto3 (ONNX IR version 8, operator set 17) that a graph of float
// operations needs, in the Protocol Buffers wire format: key = field << 3 | type, type 0 varint, 2 bytes, 5 fixed 32 bit.

type Bytes = Uint8Array;

function join(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function varint(value: number): Bytes {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

const integer = (field: number, value: number): Bytes => join([varint(field << 3), varint(value)]);
const bytes = (field: number, value: Bytes): Bytes => join([varint((field << 3) | 2), varint(value.length), value]);
const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value));
const float = (field: number, value: number): Bytes =>
  join([varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)]);

/** An attribute of a node: an integer, a float (`{ float }`), or a list of integers. */
export type Attribute = number | { readonly float: number } | readonly number[];

// AttributeProto: name 1, f 2, i 3, ints 8, type 20 with FLOAT 1, INT 2, INTS 7.
function attribute(name: string, value: Attribute): Bytes {
  if (typeof value === "number") return join([text(1, name), integer(3, value), integer(20, 2)]);
  if ("float" in value) return join([text(1, name), float(2, value.float), integer(20, 1)]);
  return join([text(1, name), ...value.map((v) => integer(8, v)), integer(20, 7)]);
}

// ValueInfoProto: name 1, type 2 → TypeProto: tensor_type 1 → elem_type 1 (FLOAT 1), shape 2 → dim 1 → dim_value 1.
function valueInfo(name: string, shape: readonly number[]): Bytes {
  const dims = join(shape.map((size) => bytes(1, integer(1, size))));
  return join([text(1, name), bytes(2, bytes(1, join([integer(1, 1), bytes(2, dims)])))]);
}

/** A graph under construction; every method that makes a value returns its name. */
export interface Graph {
  input(name: string, shape: readonly number[]): string;
  /** A constant of float32 values. */
  constant(values: Float32Array, shape: readonly number[]): string;
  /** A constant list of int64 values, as operators want sizes and indices. */
  integers(values: readonly number[]): string;
  node(type: string, inputs: readonly string[], attributes?: Readonly<Record<string, Attribute>>): string;
  nodes(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, Attribute>>,
  ): string[];
  /** Gives a value the name under which a session returns it. */
  output(name: string, value: string, shape: readonly number[]): void;
  /** The file. */
  finish(): Uint8Array;
}

/** A new, empty graph. */
export function graph(): Graph {
  const parts: Bytes[] = [];
  let count = 0;
  // GraphProto: node 1, name 2, initializer 5, input 11, output 12. NodeProto: input 1, output 2, op_type 4, attribute 5.
  const emit = (
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
  ): void => {
    parts.push(
      bytes(
        1,
        join([
          ...inputs.map((name) => text(1, name)),
          ...outputs.map((name) => text(2, name)),
          text(4, type),
          ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
        ]),
      ),
    );
  };
  // TensorProto: dims 1, data_type 2 (FLOAT 1, INT64 7), name 8, raw_data 9, little-endian.
  const tensor = (type: number, shape: readonly number[], raw: Bytes): string => {
    const name = `c${count++}`;
    parts.push(
      bytes(5, join([...shape.map((size) => integer(1, size)), integer(2, type), text(8, name), bytes(9, raw)])),
    );
    return name;
  };
  const nodes: Graph["nodes"] = (type, inputs, outputs, attributes = {}) => {
    const names = Array.from({ length: outputs }, () => `v${count++}`);
    emit(type, inputs, names, attributes);
    return names;
  };
  return {
    input(name, shape) {
      parts.push(bytes(11, valueInfo(name, shape)));
      return name;
    },
    constant: (values, shape) => tensor(1, shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    integers: (values) => tensor(7, [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer)),
    node: (type, inputs, attributes) => nodes(type, inputs, 1, attributes)[0],
    nodes,
    output(name, value, shape) {
      emit("Identity", [value], [name], {});
      parts.push(bytes(12, valueInfo(name, shape)));
    },
    // ModelProto: ir_version 1, graph 7, opset_import 8 → version 2.
    finish: () => join([integer(1, 8), bytes(8, integer(2, 17)), bytes(7, join([text(2, "bench"), ...parts]))]),
  };
}
