/** Text for one line of a terminal: control characters, line ends and marks that change the direction of writing are shown as dots. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '·')
}
