// Starts both servers with temporary data, prints where they are, and waits to be killed.
import { startPostgres, startRedis } from '../../src/index.ts'

const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
const place = ({ pid, dataDir }: { pid: number | undefined; dataDir: string }): object => ({ pid, dataDir })
process.stdout.write(`${JSON.stringify([place(postgres), place(redis)])}\n`)
