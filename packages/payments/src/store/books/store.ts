import type { Database } from '../database.ts'
import {
  closeDifference,
  findCharged,
  findMoved,
  findRecorded,
  listDifferences,
  recordDifference,
} from './comparison.ts'
import { listDisputes, recordDispute } from './disputes.ts'
import { advanceComparison, claimComparison } from './marks.ts'

/** What the books of gateways are compared with, over an open database. */
export function createBooksStore(sql: Database) {
  const bind =
    <Rest extends unknown[], Result>(act: (sql: Database, ...rest: Rest) => Result) =>
    (...rest: Rest): Result =>
      act(sql, ...rest)
  return {
    findRecorded: bind(findRecorded),
    findCharged: bind(findCharged),
    findMoved: bind(findMoved),
    recordDifference: bind(recordDifference),
    listDifferences: bind(listDifferences),
    closeDifference: bind(closeDifference),
    claimComparison: bind(claimComparison),
    advanceComparison: bind(advanceComparison),
    recordDispute: bind(recordDispute),
    disputes: bind(listDisputes),
  }
}
