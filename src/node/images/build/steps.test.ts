import { describe, expect, it } from 'vitest'
import { imageConfig } from '../image-config.ts'
import { hostPlatform } from '../platform.ts'
import { parseDockerfile } from './dockerfile.ts'
import { planSteps, type Step } from './steps.ts'

const base = imageConfig({ Env: ['PATH=/bin'], Cmd: ['base'], WorkingDir: '/w' })

function planned(text: string, options: { buildArgs?: Record<string, string>; from?: typeof base } = {}) {
  const dockerfile = parseDockerfile(`FROM x\n${text}\n`, new Map(Object.entries(options.buildArgs ?? {})))
  const steps = planSteps(dockerfile.stages[0]!.instructions, options.from ?? base, dockerfile)
  const config = steps.reduce((current, step) => (step.kind === 'config' ? step.apply(current) : current), options.from ?? base)
  const last = <K extends Step['kind']>(kind: K) => steps.findLast((step) => step.kind === kind) as Extract<Step, { kind: K }>
  return { config, run: last('run'), copy: last('copy') }
}

describe('the instructions of a Dockerfile', () => {
  it.each([
    ['CMD a b', { cmd: ['/bin/sh', '-c', 'a b'] }],
    ['CMD ["a", "b"]', { cmd: ['a', 'b'] }],
    ['SHELL ["/bin/bash", "-c"]\nCMD a', { cmd: ['/bin/bash', '-c', 'a'], shell: ['/bin/bash', '-c'] }],
    ['ENTRYPOINT ["a"]', { entrypoint: ['a'], cmd: [] }],
    ['WORKDIR sub', { workingDir: '/w/sub' }],
    ['ENV A=1 B="two words" C=$A', { env: ['PATH=/bin', 'A=1', 'B=two words', 'C='] }],
    ['ENV A=1\nENV B=${A:-x}${NO:-y}${A:+z}', { env: ['PATH=/bin', 'A=1', 'B=1yz'] }],
    ['VOLUME ["/a", "/b"]\nVOLUME /c /a', { volumes: ['/a', '/b', '/c'] }],
    ['HEALTHCHECK --interval=1m30s --retries=3 CMD curl x', { healthcheck: { Test: ['CMD-SHELL', 'curl x'], Interval: 90e9, Retries: 3 } }],
    ['HEALTHCHECK CMD ["a"]', { healthcheck: { Test: ['CMD', 'a'] } }],
    ['HEALTHCHECK NONE', { healthcheck: { Test: ['NONE'] } }],
    ['ONBUILD RUN make', { onBuild: ['RUN make'] }],
    ['STOPSIGNAL SIGQUIT', { stopSignal: 'SIGQUIT' }],
    ['EXPOSE 80 53/udp', { exposedPorts: ['80/tcp', '53/udp'] }],
  ])('%j', (text, expected) => expect(planned(text).config).toMatchObject(expected))

  it('gives a command the values of ARG, of which ENV and the command line are stronger', () => {
    const { run } = planned('ARG A=1\nARG B=2\nARG C\nENV B=3\nUSER me\nRUN make', { buildArgs: { A: '9' } })
    expect(run).toMatchObject({ argv: ['/bin/sh', '-c', 'make'], workingDir: '/w', user: 'me' })
    expect(run.env).toEqual([
      ['A', '9'],
      ['B', '3'],
      ['PATH', '/bin'],
    ])
  })

  it.each([
    ['RUN a \\\n  # comment\n\n  && b', 'a && b'],
    ['RUN <<EOF\nset -e\n  x\nEOF', 'set -e\n  x'],
    ['RUN <<-"END"\n\tx\n\tEND', 'x'],
  ])('joins what stands on several lines: %j', (text, script) =>
    expect(planned(text).run.argv.at(-1)!.replace(/ +/g, ' ').trim()).toBe(script.replace(/ +/g, ' ')),
  )

  it('keeps what is cached between builds by its path or its name', () => {
    expect(planned('RUN --mount=type=cache,target=/root/.npm --mount=type=cache,id=x,dst=y make').run.caches).toEqual([
      { id: '/root/.npm', target: '/root/.npm' },
      { id: 'x', target: '/w/y' },
    ])
  })

  it('reads the flags of COPY and ADD', () => {
    expect(planned('ARG S=build\nCOPY --from=$S --chown=1:2 --chmod=755 a "b" c/').copy).toMatchObject({
      from: 'build',
      chown: '1:2',
      chmod: '755',
      sources: ['a', 'b'],
      destination: '/w/c/',
    })
    expect(planned('ADD ["a b", "/c"]').copy).toMatchObject({ isAdd: true, sources: ['a b'], destination: '/c' })
  })

  it('runs what a base image left for builds, once', () => {
    const { run, config } = planned('CMD x', { from: { ...base, onBuild: ['RUN make', 'ENV A=1'] } })
    expect(run.argv.at(-1)).toBe('make')
    expect(config).toMatchObject({ env: ['PATH=/bin', 'A=1'] })
    expect(config.onBuild).toBeUndefined()
  })

  it('knows stages by name, and the platform', () => {
    const { stages, globals } = parseDockerfile('ARG V=1\nFROM a:$V AS Build\nFROM --platform=$BUILDPLATFORM build\n')
    expect(stages.map(({ from, name }) => [from, name])).toEqual([
      ['a:1', 'build'],
      ['build', '1'],
    ])
    expect(globals.get('TARGETARCH')).toBe(hostPlatform.architecture)
  })
})
