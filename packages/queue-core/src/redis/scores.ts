/** Members with their scores: flat in RESP2, pairs in RESP3. */
export type Scores = (string | number | [string, number])[]

/** The members of a sorted set with their scores, as numbers. */
export function readScores(reply: Scores): (readonly [string, number])[] {
  const flat = reply.flat()
  return flat.flatMap((member, at) => (at % 2 === 0 ? [[String(member), Number(flat[at + 1])] as const] : []))
}
