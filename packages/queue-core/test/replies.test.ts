import { describe, expect, it } from 'vitest'
import {
  isForbidden,
  isMoved,
  isNoGroup,
  isNoScript,
  isNoSuchKey,
  isNotSent,
  isOutOfMemory,
  isReadOnly,
  isReply,
  isUnblocked,
  isWrongType,
  movedTo,
  readStreams,
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

const failure = (message: string, more: object = {}): Error => Object.assign(new Error(message), more)

describe('errors of clients', () => {
  it.each([
    'The client is closed',
    'The client is offline',
    'The command was aborted',
    'Timeout waiting for a client after 3000ms',
  ])('recognizes that "%s" of node-redis means not sent', (message) => {
    expect(isNotSent(new Error(message))).toBe(true)
  })

  it.each([
    '',
    'Socket closed unexpectedly',
    'Disconnects client',
    'Connection is closed.',
    'Command timed out',
    'Reached the max retries per request limit (which is 20). Refer to "maxRetriesPerRequest" option for details.',
  ])('does not take "%s" for not sent, nor for a reply', (message) => {
    expect(isNotSent(new Error(message))).toBe(false)
    expect(isReply(new Error(message))).toBe(false)
  })

  it('tells replies from errors of the system', () => {
    for (const [, reply] of REPLIES) expect(isReply(new Error(reply))).toBe(true)
    for (const [message, more] of [
      ['connect ECONNREFUSED 127.0.0.1:6379', { syscall: 'connect' }],
      ['read ECONNRESET', { syscall: 'read' }],
      ['EPIPE write', { syscall: 'write' }],
    ] as const)
      expect(isReply(failure(message, more))).toBe(false)
  })
})

describe('entries by stream', () => {
  const entries = [['1-0', ['n', 'a']]]
  it.each([
    [
      'RESP2 as pairs',
      [
        ['s', entries],
        ['t', []],
      ],
    ],
    ['RESP3 as a map', { s: entries, t: [] }],
    ['ioredis with RESP3 as a flat list', ['s', entries, 't', []]],
  ])('are read from %s', (_name, reply) => {
    expect(readStreams(reply)).toEqual({ s: entries, t: [] })
  })

  it('are none where the wait ended', () => {
    expect(readStreams(null)).toEqual({})
  })
})
