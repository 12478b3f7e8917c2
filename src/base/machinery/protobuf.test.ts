import { describe, expect, it } from 'vitest'
import { decodeObject } from './decode.ts'
import { decodeProtobufEnvelope, decodeProtobufMessage } from './protobuf.ts'
import { recordedBodies as recorded } from './testing/recorded-protobuf.ts'

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'))

describe('decodeProtobufEnvelope', () => {
  it.each<[string, string, unknown]>([
    [
      'apps/v1.Deployment',
      recorded.deployment,
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', labels: { app: 'web' } },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: 'web' } },
          strategy: {},
          template: {
            metadata: { labels: { app: 'web' } },
            spec: { containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 80 }], resources: {} }] },
          },
        },
        status: {},
      },
    ],
    [
      'core/v1.ResourceQuota',
      recorded.quota,
      { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard: { cpu: '1', memory: '1Gi' } }, status: {} },
    ],
    [
      'policy/v1.PodDisruptionBudget',
      recorded.budget,
      {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'p' },
        spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } },
        status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
      },
    ],
  ])('reads a recorded %s', (type, body, expected) => {
    const { object, unknownFields } = decodeObject(type, decodeProtobufEnvelope(bytes(body)))
    expect(unknownFields).toEqual([])
    expect(object).toEqual(expected)
  })

  it('reads the options of a deletion', () => {
    const options = [...message(1, varint(30)), ...delimited(4, text('Background')), ...delimited(5, text('All'))]
    expect(decodeProtobufEnvelope(envelope('apps/v1', 'DeleteOptions', options))).toEqual({
      apiVersion: 'apps/v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 30,
      propagationPolicy: 'Background',
      dryRun: ['All'],
    })
  })

  it('refuses what is no envelope, is cut short, or names no known kind', () => {
    expect(() => decodeProtobufEnvelope(text('{"kind":"Pod"}'))).toThrow('does not appear to be a protobuf message')
    expect(() => decodeProtobufEnvelope(bytes(recorded.deployment).subarray(0, 120))).toThrow('unexpected EOF')
    expect(() => decodeProtobufEnvelope(envelope('x.y/v1', 'Nope', []))).toThrow('no kind "Nope" is registered for version "x.y/v1"')
  })
})

describe('decodeProtobufMessage', () => {
  it('reads inline structs, negative numbers, and lists packed or not', () => {
    const emptyDir = delimited(2, delimited(2, delimited(1, text('Memory'))))
    expect(decodeProtobufMessage('core/v1.Volume', Uint8Array.of(...delimited(1, text('v')), ...emptyDir))).toEqual({
      name: 'v',
      emptyDir: { medium: 'Memory' },
    })
    expect(decodeProtobufMessage('core/v1.Probe', Uint8Array.of(...delimited(1, delimited(1, delimited(1, text('ls')))), ...message(2, varint(-5))))).toEqual({
      exec: { command: ['ls'] },
      initialDelaySeconds: -5,
    })
    const groups = [...message(4, varint(1)), ...delimited(4, [...varint(2), ...varint(300)])]
    expect(decodeProtobufMessage('core/v1.PodSecurityContext', Uint8Array.from(groups))).toEqual({ supplementalGroups: [1, 2, 300] })
  })

  it('reads times, free-form fields and lists in maps', () => {
    const meta = [
      ...delimited(8, [...message(1, varint(1767322985)), ...message(2, varint(0))]),
      ...delimited(17, [...delimited(1, text('m')), ...delimited(7, delimited(1, text('{"f:a":{}}')))]),
    ]
    expect(decodeProtobufMessage('meta/v1.ObjectMeta', Uint8Array.from(meta))).toEqual({
      creationTimestamp: '2026-01-02T03:03:05Z',
      managedFields: [{ manager: 'm', fieldsV1: { 'f:a': {} } }],
    })
    const lease = delimited(4, [...message(1, varint(1767322985)), ...message(2, varint(120_000_000))])
    expect(decodeProtobufMessage('coordination/v1.LeaseSpec', Uint8Array.from(lease))).toEqual({ renewTime: '2026-01-02T03:03:05.120000Z' })
    const extra = delimited(4, [...delimited(1, text('k')), ...delimited(2, [...delimited(1, text('a')), ...delimited(1, text('b'))])])
    expect(decodeProtobufMessage('authentication/v1.UserInfo', Uint8Array.from(extra))).toEqual({ extra: { k: ['a', 'b'] } })
  })
})

type Bytes = readonly number[] | Uint8Array

const text = (value: string) => new TextEncoder().encode(value)

function varint(value: number): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  return [...out, Number(rest)]
}

const message = (field: number, value: Bytes) => [...varint(field * 8), ...value]
const delimited = (field: number, value: Bytes) => [...varint(field * 8 + 2), ...varint(value.length), ...value]
const envelope = (apiVersion: string, kind: string, raw: Bytes) =>
  Uint8Array.of(0x6b, 0x38, 0x73, 0, ...delimited(1, [...delimited(1, text(apiVersion)), ...delimited(2, text(kind))]), ...delimited(2, raw))
