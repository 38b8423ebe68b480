import { setTimeout as pause } from 'node:timers/promises'
import { context, diag, propagation, trace } from '@opentelemetry/api'
import type { Sampler } from '@opentelemetry/sdk-trace'
import type { Log } from './log.ts'
import { once } from './repeats.ts'
import type { Environment, SettingNames, SettingsSection } from './settings.ts'

function variable(env: string, about: string, shown = ''): SettingNames {
  return { env, about, shown, hint: '' }
}

/** The variables that the SDK of OpenTelemetry reads, for the help. */
export const tracingVariables: SettingsSection = {
  title: 'Tracing with OpenTelemetry, off unless one of the first two is set',
  settings: [
    variable('OTEL_EXPORTER_OTLP_ENDPOINT', 'URL that spans are sent to over HTTP (http://127.0.0.1:4318).'),
    variable('OTEL_TRACES_EXPORTER', 'Exporter: otlp, console or none.', 'otlp if there is an endpoint'),
    variable('OTEL_EXPORTER_OTLP_HEADERS', 'Headers of export requests, such as an API key.'),
    variable('OTEL_SERVICE_NAME', 'Name of the program in traces.', 'titan-api or titan-worker'),
    variable(
      'OTEL_TRACES_SAMPLER',
      'Sampler: always_on, always_off, traceidratio, or one of them after parentbased_.',
      'parentbased_always_on',
    ),
    variable('OTEL_TRACES_SAMPLER_ARG', 'Share of traces that traceidratio keeps, 0..1.', '1'),
    variable('OTEL_SDK_DISABLED', 'Turn tracing off, whatever else is set.', 'false'),
  ],
}

/** How long spans that were not sent yet may hold up the end of the process, in milliseconds. */
const FLUSH_MS = 2_000
/**
 * How long a receiver may take for one batch, in milliseconds, unless a variable of OpenTelemetry says otherwise: a
 * request that is not answered holds up the end of the process.
 */
const EXPORT_TIMEOUT_MS = 2_000
/** A batch of the relay links to this many payments. */
const MAX_LINKS = 500

/** Runs a program with traces, if the variables ask for them; its last spans are sent before this resolves. */
export async function withTracing<Value>(
  program: TracedProgram,
  run: () => Promise<Value>,
  environment: Environment = process.env,
): Promise<Value> {
  const exporter = exporterOf(environment, program.log)
  if (exporter === undefined) return run()
  const stop = await startTracing(program, exporter, environment)
  try {
    return await run()
  } finally {
    await stop()
  }
}

/** What is traced; `service` is its name, unless `OTEL_SERVICE_NAME` names it. */
interface TracedProgram {
  readonly service: string
  readonly version: string
  readonly log: Log
}

function readVariable(environment: Environment, name: string): string {
  return environment[name]?.trim() ?? ''
}

type ExporterName = 'otlp' | 'console'

function exporterOf(environment: Environment, log: Log): ExporterName | undefined {
  const read = (name: string): string => readVariable(environment, name)
  if (read('OTEL_SDK_DISABLED').toLowerCase() === 'true') return undefined
  const hasEndpoint =
    read('OTEL_EXPORTER_OTLP_ENDPOINT') !== '' || read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== ''
  const name = read('OTEL_TRACES_EXPORTER') || (hasEndpoint ? 'otlp' : 'none')
  if (name === 'none') return undefined
  if (name === 'otlp' || name === 'console') return name
  log.warn('tracing.disabled', 'tracing disabled, OTEL_TRACES_EXPORTER invalid', { reason: name })
  return undefined
}

/** Loads the SDK, which happens only here, and starts it. Returns the function that ends it. */
async function startTracing(
  { service, version, log }: TracedProgram,
  exporter: ExporterName,
  environment: Environment,
): Promise<() => Promise<void>> {
  const [sdk, { AsyncLocalStorageContextManager }, { W3CTraceContextPropagator }, resources] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/context-async-hooks'),
      import('@opentelemetry/core'),
      import('@opentelemetry/resources'),
    ])
  const isNews = once()
  const complain = (): void => {
    if (isNews('tracing')) log.warn('spans.lost', 'spans not exported')
  }
  // Its messages quote responses of the receiver, so they are not passed on.
  diag.setLogger({ error: complain, warn: complain, info: () => {}, debug: () => {}, verbose: () => {} })
  const processor =
    exporter === 'console'
      ? new sdk.SimpleSpanProcessor({ exporter: new sdk.ConsoleSpanExporter() })
      : new sdk.BatchSpanProcessor({
          exporter: new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter(
            exportOptions(environment),
          ),
        })
  const named = resources.resourceFromAttributes({ 'service.name': service, 'service.version': version })
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(named)
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    sampler: samplerOf(sdk, environment, log),
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [processor],
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return async () => {
    const flushed = new AbortController()
    const expiry = pause(FLUSH_MS, undefined, { signal: flushed.signal }).catch(() => undefined)
    await Promise.race([provider.shutdown().catch(complain), expiry])
    flushed.abort()
    trace.disable()
    context.disable()
    propagation.disable()
    diag.disable()
  }
}

function exportOptions(environment: Environment): { readonly timeoutMillis?: number } {
  const isSet = ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'].some(
    (name) => readVariable(environment, name) !== '',
  )
  return isSet ? {} : { timeoutMillis: EXPORT_TIMEOUT_MS }
}

type SdkModule = typeof import('@opentelemetry/sdk-trace')

function samplerOf(sdk: SdkModule, environment: Environment, log: Log): Sampler {
  const name = readVariable(environment, 'OTEL_TRACES_SAMPLER') || 'parentbased_always_on'
  const share = Number(readVariable(environment, 'OTEL_TRACES_SAMPLER_ARG') || '1')
  const plain = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(share),
  }
  const key = name.replace(/^parentbased_/, '')
  if (!(key in plain) || !(share >= 0 && share <= 1)) {
    log.warn('sampler.rejected', 'all traces kept, OTEL_TRACES_SAMPLER or its ARG invalid')
    return new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() })
  }
  const root = plain[key as keyof typeof plain]()
  return name === key ? root : new sdk.ParentBasedSampler({ root })
}
