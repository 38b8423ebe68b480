import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Runs a file of this folder in a process of its own, and waits until it says something. */
export async function startChild(
  file: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; said: unknown }> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args)
  return { child, said: await nextMessage(child) }
}

/** The next thing a process says. @throws when it ends instead */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const failed = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`The process ended with ${String(code)}`)
  })
  try {
    const message = once(child, 'message', { signal: ended.signal }).then(([said]) => said as unknown)
    return await Promise.race([message, failed])
  } finally {
    ended.abort()
    failed.catch(() => {})
  }
}

/** Ends a process in good order and waits for its end. Idempotent. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}
