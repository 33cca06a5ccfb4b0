// The scalar instructions as data: name -> [opcode, signature], one table a namespace.
// A signature is operand letters, a colon, the result letter: i = i32, l = i64, f = f32, d = f64, v = v128.

/** Operand letters, a colon, the result letter. */
export type Signature = `${string}:${"i" | "l" | "f" | "d" | "v"}`;

/** Instructions of one namespace: name -> [opcode, signature]. */
export type InstructionTable = Readonly<Record<string, readonly [opcode: number, signature: Signature]>>;

/** 32-bit integers; comparisons give 0 or 1. */
export const i32Table = {
  eqz: [0x45, "i:i"],
  eq: [0x46, "ii:i"],
  ne: [0x47, "ii:i"],
  ltS: [0x48, "ii:i"],
  ltU: [0x49, "ii:i"],
  gtS: [0x4a, "ii:i"],
  gtU: [0x4b, "ii:i"],
  leS: [0x4c, "ii:i"],
  leU: [0x4d, "ii:i"],
  geS: [0x4e, "ii:i"],
  geU: [0x4f, "ii:i"],
  clz: [0x67, "i:i"],
  ctz: [0x68, "i:i"],
  popcnt: [0x69, "i:i"],
  add: [0x6a, "ii:i"],
  sub: [0x6b, "ii:i"],
  mul: [0x6c, "ii:i"],
  divS: [0x6d, "ii:i"],
  divU: [0x6e, "ii:i"],
  remS: [0x6f, "ii:i"],
  remU: [0x70, "ii:i"],
  and: [0x71, "ii:i"],
  or: [0x72, "ii:i"],
  xor: [0x73, "ii:i"],
  shl: [0x74, "ii:i"],
  shrS: [0x75, "ii:i"],
  shrU: [0x76, "ii:i"],
  rotl: [0x77, "ii:i"],
  rotr: [0x78, "ii:i"],
  wrapI64: [0xa7, "l:i"],
  reinterpretF32: [0xbc, "f:i"],
  extend8S: [0xc0, "i:i"],
  extend16S: [0xc1, "i:i"],
} as const satisfies InstructionTable;

/** 64-bit integers; comparisons give an i32. */
export const i64Table = {
  eqz: [0x50, "l:i"],
  eq: [0x51, "ll:i"],
  ne: [0x52, "ll:i"],
  ltS: [0x53, "ll:i"],
  ltU: [0x54, "ll:i"],
  gtS: [0x55, "ll:i"],
  gtU: [0x56, "ll:i"],
  leS: [0x57, "ll:i"],
  leU: [0x58, "ll:i"],
  geS: [0x59, "ll:i"],
  geU: [0x5a, "ll:i"],
  clz: [0x79, "l:l"],
  ctz: [0x7a, "l:l"],
  popcnt: [0x7b, "l:l"],
  add: [0x7c, "ll:l"],
  sub: [0x7d, "ll:l"],
  mul: [0x7e, "ll:l"],
  divS: [0x7f, "ll:l"],
  divU: [0x80, "ll:l"],
  remS: [0x81, "ll:l"],
  remU: [0x82, "ll:l"],
  and: [0x83, "ll:l"],
  or: [0x84, "ll:l"],
  xor: [0x85, "ll:l"],
  shl: [0x86, "ll:l"],
  shrS: [0x87, "ll:l"],
  shrU: [0x88, "ll:l"],
  rotl: [0x89, "ll:l"],
  rotr: [0x8a, "ll:l"],
  extendI32S: [0xac, "i:l"],
  extendI32U: [0xad, "i:l"],
  reinterpretF64: [0xbd, "d:l"],
  extend8S: [0xc2, "l:l"],
  extend16S: [0xc3, "l:l"],
  extend32S: [0xc4, "l:l"],
} as const satisfies InstructionTable;

/** Single precision floats. */
export const f32Table = {
  eq: [0x5b, "ff:i"],
  ne: [0x5c, "ff:i"],
  lt: [0x5d, "ff:i"],
  gt: [0x5e, "ff:i"],
  le: [0x5f, "ff:i"],
  ge: [0x60, "ff:i"],
  abs: [0x8b, "f:f"],
  neg: [0x8c, "f:f"],
  ceil: [0x8d, "f:f"],
  floor: [0x8e, "f:f"],
  trunc: [0x8f, "f:f"],
  nearest: [0x90, "f:f"],
  sqrt: [0x91, "f:f"],
  add: [0x92, "ff:f"],
  sub: [0x93, "ff:f"],
  mul: [0x94, "ff:f"],
  div: [0x95, "ff:f"],
  min: [0x96, "ff:f"],
  max: [0x97, "ff:f"],
  copysign: [0x98, "ff:f"],
  convertI32S: [0xb2, "i:f"],
  convertI32U: [0xb3, "i:f"],
  convertI64S: [0xb4, "l:f"],
  convertI64U: [0xb5, "l:f"],
  demoteF64: [0xb6, "d:f"],
  reinterpretI32: [0xbe, "i:f"],
} as const satisfies InstructionTable;

/** Double precision floats. */
export const f64Table = {
  eq: [0x61, "dd:i"],
  ne: [0x62, "dd:i"],
  lt: [0x63, "dd:i"],
  gt: [0x64, "dd:i"],
  le: [0x65, "dd:i"],
  ge: [0x66, "dd:i"],
  abs: [0x99, "d:d"],
  neg: [0x9a, "d:d"],
  ceil: [0x9b, "d:d"],
  floor: [0x9c, "d:d"],
  trunc: [0x9d, "d:d"],
  nearest: [0x9e, "d:d"],
  sqrt: [0x9f, "d:d"],
  add: [0xa0, "dd:d"],
  sub: [0xa1, "dd:d"],
  mul: [0xa2, "dd:d"],
  div: [0xa3, "dd:d"],
  min: [0xa4, "dd:d"],
  max: [0xa5, "dd:d"],
  copysign: [0xa6, "dd:d"],
  convertI32S: [0xb7, "i:d"],
  convertI32U: [0xb8, "i:d"],
  convertI64S: [0xb9, "l:d"],
  convertI64U: [0xba, "l:d"],
  promoteF32: [0xbb, "f:d"],
  reinterpretI64: [0xbf, "l:d"],
} as const satisfies InstructionTable;

/** Float to 32-bit integer, saturating, NaN to 0 (prefix 0xfc). */
export const i32SaturatingTable = {
  truncSatF32S: [0x00, "f:i"],
  truncSatF32U: [0x01, "f:i"],
  truncSatF64S: [0x02, "d:i"],
  truncSatF64U: [0x03, "d:i"],
} as const satisfies InstructionTable;

/** Float to 64-bit integer, saturating, NaN to 0 (prefix 0xfc). */
export const i64SaturatingTable = {
  truncSatF32S: [0x04, "f:l"],
  truncSatF32U: [0x05, "f:l"],
  truncSatF64S: [0x06, "d:l"],
  truncSatF64U: [0x07, "d:l"],
} as const satisfies InstructionTable;
