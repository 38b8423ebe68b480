import type { Operation } from './operation.ts'

/** The routes of the service itself. */
export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/healthz',
    id: 'getHealth',
    tag: 'Service',
    summary: 'Does the process run?',
    answers: [{ status: 200, description: 'It does', schema: 'Health', example: { status: 'ok' } }],
    problems: [],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'getReadiness',
    tag: 'Service',
    summary: 'Can it take requests?',
    description:
      'PostgreSQL and room for one more request are required. Redis is only reported: payments are accepted without it.',
    answers: [
      {
        status: 200,
        description: 'Send it requests',
        schema: 'Readiness',
        example: {
          status: 'ready',
          checks: { postgres: 'up', redis: 'up' },
          requests: { in_flight: 3, limit: 1000 },
        },
      },
      {
        status: 503,
        description: 'Send it none for now',
        headers: ['Retry-After'],
        schema: 'Readiness',
        example: {
          status: 'unavailable',
          checks: { postgres: 'down', redis: 'up' },
          requests: { in_flight: 3, limit: 1000 },
        },
      },
    ],
    problems: [],
  },
  {
    method: 'get',
    path: '/problems/{code}',
    id: 'getProblem',
    tag: 'Service',
    summary: 'What a problem means',
    answers: [
      {
        status: 200,
        description: 'The problem in plain words',
        mediaType: 'text/plain',
        example: 'No such payment\n\ncode: payment-not-found\nstatus: 404\n',
      },
    ],
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'getOpenApi',
    tag: 'Service',
    summary: 'This document',
    headers: ['If-None-Match'],
    answers: [
      { status: 200, description: 'OpenAPI 3.1', headers: ['ETag'], mediaType: 'application/json' },
      { status: 304, description: 'Nothing has changed', headers: ['ETag'] },
    ],
    problems: [],
  },
  {
    method: 'get',
    path: '/docs',
    id: 'getDocs',
    tag: 'Service',
    summary: 'This document, to be read',
    headers: ['If-None-Match'],
    answers: [
      { status: 200, description: 'A page', headers: ['ETag'], mediaType: 'text/html' },
      { status: 304, description: 'Nothing has changed', headers: ['ETag'] },
    ],
    problems: [],
  },
  {
    method: 'get',
    path: '/docs/{file}',
    id: 'getDocsFile',
    tag: 'Service',
    summary: 'A file of that page',
    headers: ['If-None-Match'],
    answers: [
      { status: 200, description: 'A script or a style sheet', headers: ['ETag'], mediaType: 'text/*' },
      { status: 304, description: 'Nothing has changed', headers: ['ETag'] },
    ],
    problems: ['not-found'],
  },
  {
    method: 'get',
    path: '/docs/{version}/{file}',
    id: 'getVersionedDocsFile',
    tag: 'Service',
    summary: 'A file of that page, to be kept for a year',
    headers: ['If-None-Match'],
    answers: [
      { status: 200, description: 'A script or a style sheet', headers: ['ETag'], mediaType: 'text/*' },
      { status: 304, description: 'Nothing has changed', headers: ['ETag'] },
    ],
    problems: ['not-found'],
  },
]
