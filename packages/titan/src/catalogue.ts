import {
  attemptsFollowDeclines,
  keysAreDerived,
  keysAreFresh,
  parametersAreFrozen,
  retriesAreBounded,
} from './attempts.ts'
import type { Invariant, UnseenInvariant } from './invariant.ts'
import {
  chargedAtMostOnce,
  failedIsNotCharged,
  nothingIsLost,
  successIsCharged,
  sumsAreEqual,
} from './money.ts'
import { dueHasJob, entriesCarryIds } from './redis.ts'
import {
  everythingIsSettled,
  failureHasEvidence,
  fencesGrow,
  historyIsWhole,
  oneClock,
  terminalIsFinal,
  transitionsAreLegal,
} from './state.ts'

const noOpenTransaction: UnseenInvariant = {
  id: 'I14',
  title: 'No transaction is open while a gateway is called.',
  unseen: 'leaves no trace: only somebody who watches the connections during a call sees it',
}

const compareAndSet: UnseenInvariant = {
  id: 'I15',
  title: 'Every write of a status compares id, status and fence first.',
  unseen: 'a property of the statements: what breaking it leads to shows in I7, I16 and I17',
}

/** Every invariant of payments, in their order. */
export const INVARIANTS: readonly (Invariant | UnseenInvariant)[] = [
  chargedAtMostOnce,
  successIsCharged,
  failedIsNotCharged,
  sumsAreEqual,
  everythingIsSettled,
  nothingIsLost,
  terminalIsFinal,
  failureHasEvidence,
  attemptsFollowDeclines,
  keysAreDerived,
  parametersAreFrozen,
  keysAreFresh,
  retriesAreBounded,
  noOpenTransaction,
  compareAndSet,
  fencesGrow,
  historyIsWhole,
  transitionsAreLegal,
  oneClock,
  dueHasJob,
  entriesCarryIds,
]
