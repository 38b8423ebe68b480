/** How long a server may take to answer a probe, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000

/** Reports whether a server replies to a probe within two seconds, for readiness checks. Never rejects. */
export async function answersInTime(probe: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS)
  })
  const answer = probe().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answer, expiry])
  } finally {
    clearTimeout(timer)
  }
}
