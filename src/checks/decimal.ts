/**
 * Whether a text is a decimal number, with or without an exponent. JavaScript also reads "" and "0x1" as numbers; these are none. Takes
 * time linear in the text: no two parts of the pattern match the same digits.
 */
export const isDecimal = (text: string): boolean => /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text);
