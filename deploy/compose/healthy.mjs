// Exits with 0 if the URL returns success: a health check without curl in the image.
const response = await fetch(process.argv[2], { signal: AbortSignal.timeout(4_000) }).catch(() => undefined)
process.exit(response?.ok === true ? 0 : 1)
