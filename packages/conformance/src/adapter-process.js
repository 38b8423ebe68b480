// Runs an adapter in its own process, as a worker does. Plain JavaScript, because the published package holds it as it is.
import { Socket } from 'node:net'

let connections = 0
const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  connections++
  return connect.apply(this, args)
}

process.once('message', async ({ module, environment, requests, timeoutMs }) => {
  const { default: create } = await import(module)
  const connectionsAtImport = connections
  const gateway = await create(environment)
  const outcomes = []
  for (const request of requests)
    outcomes.push(await gateway.charge(request, { signal: AbortSignal.timeout(timeoutMs) }))
  await gateway.close?.()
  await gateway.close?.()
  // With the channel, the last thing that keeps the process running is the adapter's.
  process.send({ connectionsAtImport, outcomes }, () => process.disconnect())
})
