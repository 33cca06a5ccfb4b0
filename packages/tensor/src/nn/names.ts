// The one rule that turns a property's name into its part of a state dictionary's key.

/**
 * `selfAttn` → `self_attn`, `weightIhL0Reverse` → `weight_ih_l0_reverse`: an underscore before every capital but a
 * first one, then lower case.
 */
export const snakeCase = (name: string): string => name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
