/** Returns a sum as a number where JavaScript holds it exactly, else as its digits. */
export function formatSum(sum: bigint): number | string {
  return sum <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(sum) : String(sum)
}
