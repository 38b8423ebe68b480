import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Runs a file of this folder as a separate process, and waits for its first message. */
export async function startChild(
  file: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; said: unknown }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args)
  return { child, said: await nextMessage(child) }
}

/** Waits for the next message of a process. @throws when it ends first */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const failed = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`the process ended with exit code ${String(code)}`)
  })
  try {
    const message = once(child, 'message', { signal: ended.signal }).then(([said]) => said as unknown)
    return await Promise.race([message, failed])
  } finally {
    ended.abort()
    failed.catch(() => {})
  }
}

/** Stops a process and waits until it has exited. Idempotent. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
