/** Element types of TensorFlow that the graph uses, and their numbers in types.proto. */
export const typeNumber = {
  float32: 1,
  float64: 2,
  uint8: 4,
  int32: 3,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
  variant: 21,
} as const;

/**
 * Type of a value's elements in a graph.
 * @useDeclaredType
 */
export type ElementType = keyof typeof typeNumber;

const typeByNumber = new Map<number, ElementType>(
  Object.entries(typeNumber).map(([name, number]) => [number, name as ElementType]),
);

/** The element type that TensorFlow counts as `number`. */
export function typeOf(number: number): ElementType {
  const type = typeByNumber.get(number);
  if (type === undefined) throw new Error(`TensorFlow's element type ${number} is not known here`);
  return type;
}

/** Whether values of this type are floating-point numbers of some width. */
export function isFloat(type: ElementType): boolean {
  return type === "float32" || type === "bfloat16" || type === "float16";
}
