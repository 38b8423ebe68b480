/**
 * Text without what would control a terminal: control characters, line ends and marks that change the direction of
 * writing are shown as dots. `kept` names characters that stay.
 */
export function printable(text: string, kept: string = ''): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) =>
    kept.includes(character) ? character : '·',
  )
}
