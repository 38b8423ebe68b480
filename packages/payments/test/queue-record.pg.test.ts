import { createMigratedDatabase } from '@titan/testkit/vitest'
import { beforeEach, expect, test } from 'vitest'
import { changePartitions, readPartitions, recordPartitions, requirePartitions } from '../src/index.ts'
import { readEpochs, writeEpochs } from '../src/store/queue-record.ts'

const { sql } = await createMigratedDatabase()

beforeEach(() => sql`delete from queue_epochs`)

test('the first start records the number of partitions, and another number is refused', async () => {
  expect(await readPartitions(sql, 'payments')).toBeUndefined()
  await requirePartitions(sql, 'payments', 7)
  await recordPartitions(sql, 'payments', 3)
  await recordPartitions(sql, 'payments', 3)
  await requirePartitions(sql, 'payments', 3)
  const refusal = {
    code: 'FAILURE',
    message:
      'QUEUE_PARTITIONS is 1, but the jobs of queue payments are in 3 partitions: set QUEUE_PARTITIONS=3, or stop every program and run titan repartition',
  }
  await expect(recordPartitions(sql, 'payments', 1)).rejects.toMatchObject(refusal)
  await expect(requirePartitions(sql, 'payments', 1)).rejects.toMatchObject(refusal)
  expect(await readPartitions(sql, 'payments')).toBe(3)
})

test('of programs that start at once with different numbers all go by one', async () => {
  for (let round = 0; round < 5; round++) {
    await sql`delete from queue_epochs`
    const numbers = [1, 3, 1, 3, 5]
    const starts = await Promise.allSettled(numbers.map((n) => recordPartitions(sql, 'payments', n)))
    const recorded = await readPartitions(sql, 'payments')
    expect(numbers).toContain(recorded)
    expect(starts.map(({ status }) => status === 'fulfilled')).toEqual(numbers.map((n) => n === recorded))
  }
})

test('what a program of the version before recorded has one partition', async () => {
  await sql`insert into queue_epochs (queue, epoch, run_id) values ('payments', 'mark', 'run')
                on conflict (queue) do update set epoch = excluded.epoch, run_id = excluded.run_id`
  await recordPartitions(sql, 'payments', 1)
  await expect(recordPartitions(sql, 'payments', 2)).rejects.toThrow(/are in 1 partition:/)
  expect((await readEpochs(sql, ['payments'])).get('payments')).toMatchObject({ epoch: 'mark', runId: 'run' })
})

test('a change of the number forgets which Redis held the jobs', async () => {
  await recordPartitions(sql, 'payments', 2)
  const epochs = new Map(
    ['payments:0', 'payments:1', 'other'].map((name) => [name, { epoch: name, runId: 'run' }]),
  )
  await writeEpochs(sql, epochs)
  await changePartitions(sql, 'payments', 64)
  await requirePartitions(sql, 'payments', 64)
  const known = await readEpochs(sql, [...epochs.keys()])
  expect(Object.fromEntries([...known].map(([name, { epoch }]) => [name, epoch]))).toEqual({
    other: 'other',
    'payments:0': '',
    'payments:1': '',
  })
})

test('in the tables of a version before nothing is recorded', async () => {
  const undo = new Error('undone')
  const asked = sql.begin(async (transaction) => {
    await transaction`alter table queue_epochs drop column partitions`
    await expect(requirePartitions(transaction, 'payments', 5)).resolves.toBeUndefined()
    throw undo
  })
  await expect(asked).rejects.toBe(undo)
})
