// The HTTP API, for programs that run it inside of themselves.
export { createApp, type AppOptions } from './app.ts'
export { startApi, type Api, type ApiOptions } from './api.ts'
