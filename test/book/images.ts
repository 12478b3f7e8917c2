import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder with a context for each image that stands in for a public one. */
const folder = join(import.meta.dirname, 'images')
const python = '/usr/bin/python3'

/** The book's own application runs where the machine's Python has Flask, and pip to see that it has. */
export const flaskIsHere = existsSync(python) && spawnSync(python, ['-c', 'import flask, pip']).status === 0
export const nodeFlask = join(folder, 'stateless-flask')

const built = (context: string, tag: string, name: string) => [
  `knarr image build ${join(folder, context)} -t ${tag}`,
  ...(name === tag ? [] : [`knarr image map ${name} ${tag}`]),
]

/** Commands that make a public name's image of this machine's programs. */
export const images = {
  python: built('python', 'book/python', 'python:3.9-slim-buster'),
  echoserver: built('echoserver', 'book/echoserver', 'registry.k8s.io/echoserver:1.4'),
  nginx: built('nginx', 'book/nginx', 'nginx:latest'),
  helloApp: built('hello-app', 'book/hello-app', 'gcr.io/google-samples/hello-app:1.0'),
  /** PostgreSQL, honest under another number: it is not 10.1. */
  postgres: ['knarr image add postgres', 'knarr image map postgres:10.1 knarr.local/postgres'],
  dnsutils: ['knarr image map tutum/dnsutils knarr.local/host'],
} as const
