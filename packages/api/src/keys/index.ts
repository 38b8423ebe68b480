// The keys of the API's callers, for programs that manage them.
export { API_KEY_SCOPES, type ApiKey, type ApiKeyScope } from './api-key.ts'
export { createApiKeyStore, type ApiKeyStore, type NewApiKey } from './key-store.ts'
