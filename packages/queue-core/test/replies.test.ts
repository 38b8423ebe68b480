import { describe, expect, it } from 'vitest'
import {
  isForbidden,
  isMoved,
  isNoGroup,
  isNoScript,
  isNoSuchKey,
  isOutOfMemory,
  isReadOnly,
  isUnblocked,
  isWrongType,
  movedTo,
} from '../src/redis/replies.ts'

const REPLIES = [
  [isNoGroup, "NOGROUP No such key 'titan:{q}:jobs' or consumer group 'workers' in XREADGROUP"],
  [isNoScript, 'NOSCRIPT No matching script. Please use EVAL.'],
  [isMoved, 'MOVED 3999 127.0.0.1:6381'],
  [isReadOnly, "READONLY You can't write against a read only replica."],
  [isUnblocked, 'UNBLOCKED client unblocked via CLIENT UNBLOCK'],
  [isOutOfMemory, "OOM command not allowed when used memory > 'maxmemory'."],
  [isWrongType, 'WRONGTYPE Operation against a key holding the wrong kind of value'],
  [isNoSuchKey, 'ERR no such key'],
  [isForbidden, 'NOPERM User app has no permissions to run the info command'],
] as const

describe('error replies of Redis', () => {
  it.each(REPLIES)('%o accepts its own reply and no other', (matches, own) => {
    expect(REPLIES.map(([, reply]) => reply).filter((reply) => matches(new Error(reply)))).toEqual([own])
  })

  it.each(REPLIES)('%o accepts no value that is not an error', (matches, own) => {
    for (const value of [own, undefined, null, {}, new Error('socket closed')])
      expect(matches(value)).toBe(false)
  })

  it('recognizes a reply that a script has passed on', () => {
    expect(isNoGroup(new Error("ERR NOGROUP No such key 'a' script: f1, on @user_script:7."))).toBe(true)
    expect(isForbidden(new Error("ERR unknown command 'INFO', with args beginning with:"))).toBe(true)
  })

  it('does not take a longer word for a code', () => {
    expect(isMoved(new Error('MOVEDTO 1'))).toBe(false)
  })

  it.each([
    ['MOVED 3999 127.0.0.1:6381', '127.0.0.1:6381'],
    ['MOVED 3999 :6381', undefined],
    ['READONLY no', undefined],
  ])('reads the address of %s', (message, address) => {
    expect(movedTo(new Error(message))).toBe(address)
  })
})
