import { context, diag, propagation, trace } from '@opentelemetry/api'
import type { Sampler } from '@opentelemetry/sdk-trace'
import { once } from './once.ts'
import type { Log } from './log.ts'
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

/** What to trace as, and where to read how. */
export interface TracingOptions {
  /** Name of the program, unless `OTEL_SERVICE_NAME` names it. */
  readonly service: string
  readonly version: string
  readonly log: Log
  /** @default process.env */
  readonly environment?: Environment
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
export async function withTracing<Value>(options: TracingOptions, run: () => Promise<Value>): Promise<Value> {
  const { service, version, log, environment = process.env } = options
  const exporter = exporterOf(environment, log)
  if (exporter === undefined) return run()
  const stop = await startTracing({ service, version, log, environment, exporter })
  try {
    return await run()
  } finally {
    await stop()
  }
}

type ExporterName = 'otlp' | 'console'

function exporterOf(environment: Environment, log: Log): ExporterName | undefined {
  const read = (name: string): string => environment[name]?.trim() ?? ''
  if (read('OTEL_SDK_DISABLED').toLowerCase() === 'true') return undefined
  const hasEndpoint =
    read('OTEL_EXPORTER_OTLP_ENDPOINT') !== '' || read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== ''
  const name = read('OTEL_TRACES_EXPORTER') || (hasEndpoint ? 'otlp' : 'none')
  if (name === 'none') return undefined
  if (name === 'otlp' || name === 'console') return name
  log.warn('tracing.disabled', 'tracing disabled, OTEL_TRACES_EXPORTER invalid', { reason: name })
  return undefined
}

interface Sdk extends Required<TracingOptions> {
  readonly exporter: ExporterName
}

/** Loads the SDK, which happens only here, and starts it. Returns the function that ends it. */
async function startTracing({
  service,
  version,
  log,
  environment,
  exporter,
}: Sdk): Promise<() => Promise<void>> {
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
    let timer: NodeJS.Timeout | undefined
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_MS)
    })
    await Promise.race([provider.shutdown().catch(complain), expiry])
    clearTimeout(timer)
    trace.disable()
    context.disable()
    propagation.disable()
    diag.disable()
  }
}

function exportOptions(environment: Environment): { readonly timeoutMillis?: number } {
  const isSet = ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'].some(
    (name) => (environment[name]?.trim() ?? '') !== '',
  )
  return isSet ? {} : { timeoutMillis: EXPORT_TIMEOUT_MS }
}

type SdkModule = typeof import('@opentelemetry/sdk-trace')

function samplerOf(sdk: SdkModule, environment: Environment, log: Log): Sampler {
  const name = environment['OTEL_TRACES_SAMPLER']?.trim() || 'parentbased_always_on'
  const share = Number(environment['OTEL_TRACES_SAMPLER_ARG']?.trim() || '1')
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
