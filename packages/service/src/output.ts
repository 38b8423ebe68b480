let isGuarded = false
let isLost = false

/**
 * Lets a program end in order when its output is no longer read, as with `| head`. Output that cannot be written, as
 * on a full disk, is reported in one line and makes the exit code 1. Idempotent.
 */
export function guardOutput(name: string): void {
  if (isGuarded) return
  isGuarded = true
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isLost) return
    isLost = true
    process.stderr.write(`${name}: cannot write the output: ${error.message}\n`)
  })
  process.stderr.on('error', () => {
    // There is no other place to report it.
  })
  process.on('exit', (code) => {
    if (isLost && code === 0) process.exitCode = 1
  })
}

/**
 * Text without what would control a terminal: control characters, line ends and marks that change the direction of
 * writing are shown as dots. `kept` names characters that stay.
 */
export function printable(text: string, kept = ''): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) =>
    kept.includes(character) ? character : '·',
  )
}
