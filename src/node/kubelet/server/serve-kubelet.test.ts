import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import { TestCluster, until } from '../test-cluster.ts'
import { serveKubelet } from './serve-kubelet.ts'

let cluster: TestCluster, socketPath: string, abort: AbortController, closed: Promise<void>

beforeEach(async () => {
  cluster = await TestCluster.start()
  socketPath = join(cluster.directory, 'kubelet.sock')
  abort = new AbortController()
  ;({ closed } = await serveKubelet({ socketPath, kubelets: cluster.kubelets, clock: systemClock, log: silentLog, signal: abort.signal }))
  await cluster.makePod({ containers: [{ name: 'app', image: 'app', resources: {} }] })
  await until('Running', async () => (await cluster.pod()).status.phase === 'Running')
})

afterEach(async () => {
  abort.abort()
  await closed
  await cluster.close()
})

const get = (path: string, onData: (text: string) => void = () => {}) =>
  new Promise<{ code: number; body: string }>((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => onData((body += chunk.toString())))
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })

const writeLog = async (text: string) => {
  const path = join(cluster.kubelets.findPod('default', 'web')?.worker.logDirectory ?? '', 'app/0.log')
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, text)
  return path
}

const exec = (query: string, protocol: string, send: (socket: WebSocket) => void = () => {}, verb = 'exec') =>
  new Promise<{ outputs: Record<number, string>; protocol: string }>((resolve, reject) => {
    const socket = new WebSocket(`ws+unix://${socketPath}:/${verb}/default/web/app?${query}`, [protocol])
    const outputs: Record<number, string> = {}
    socket.on('open', () => send(socket))
    socket.on('message', (data: Buffer) => (outputs[data[0] ?? -1] = (outputs[data[0] ?? -1] ?? '') + data.subarray(1).toString()))
    socket.on('close', () => resolve({ outputs, protocol: socket.protocol }))
    socket.on('error', reject)
  })

describe('the kubelet over HTTP', () => {
  it('attaches to a container until the client ends its input', async () => {
    const send = (socket: WebSocket) => {
      socket.send(Buffer.from('\0through'))
      socket.send(Buffer.from([255, 0]))
    }
    const { outputs } = await exec('stdin=true&stdout=true', 'v5.channel.k8s.io', send, 'attach')
    expect(outputs[1]).toBe('through')
    expect(JSON.parse(outputs[3] ?? '')).toMatchObject({ status: 'Success' })
  })

  it('answers healthz, pods and refusals', async () => {
    expect(await get('/healthz')).toEqual({ code: 200, body: 'ok' })
    expect(JSON.parse((await get('/pods')).body)).toMatchObject({ kind: 'PodList', items: [{ metadata: { name: 'web' } }] })
    expect(await get('/containerLogs/default/none/app')).toEqual({ code: 404, body: 'pod "none" not found' })
    expect(await get('/containerLogs/default/web/app?previous=true')).toEqual({ code: 400, body: 'previous terminated container "app" in pod "web" not found' })
  })

  it('shows a log and follows it to the end of the container', async () => {
    const path = await writeLog('2026-01-01T00:00:00.5Z stdout F one\n2026-01-01T00:00:01Z stderr F two\n')
    expect((await get('/containerLogs/default/web/app?tailLines=1&timestamps=true')).body).toBe('2026-01-01T00:00:01Z two\n')
    let seen = ''
    const following = get('/containerLogs/default/web/app?follow=true', (body) => (seen = body))
    await until('the first lines', () => seen === 'one\ntwo\n')
    await appendFile(path, '2026-01-01T00:00:02Z stdout F three\n')
    await until('the third line', () => seen.endsWith('three\n'))
    cluster.runtime.end(cluster.runtime.latest('app')?.id ?? '', 0)
    expect((await following).body).toBe('one\ntwo\nthree\n')
  })

  it('runs commands over WebSocket, with the exit code and the end of standard input', async () => {
    expect(await exec('command=echo&command=hi&stdout=true&stderr=true', 'v4.channel.k8s.io')).toMatchObject({
      protocol: 'v4.channel.k8s.io',
      outputs: { 1: 'echo hi\n' },
    })
    const failed = await exec('command=false&stdout=true', 'v5.channel.k8s.io')
    expect(JSON.parse(failed.outputs[3] ?? '')).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '1' }] },
    })
    const echoed = await exec('command=cat&stdin=true&stdout=true', 'v5.channel.k8s.io', (socket) => {
      socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('hello')]))
      socket.send(Buffer.from([255, 0]))
    })
    expect(echoed.outputs[1]).toBe('hello')
    expect(JSON.parse(echoed.outputs[3] ?? '')).toMatchObject({ status: 'Success' })
  })
})
