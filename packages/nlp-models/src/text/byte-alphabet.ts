// The byte-level alphabet of GPT-2: every byte as one printable character, so that a BPE never meets an unknown.

// Bytes that print as themselves in Latin-1; the other 68 take the code points from 256 on, in byte order.
function printsAsItself(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/** The character of each byte, indexed by the byte (Radford et al. 2019, `bytes_to_unicode`). */
export const byteCharacters: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printsAsItself(byte) ? byte : next++));
})();

/** A text as the characters of its UTF-8 bytes. */
export function toByteCharacters(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += byteCharacters[byte];
  return out;
}
