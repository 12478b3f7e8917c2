// Answers as the book's Flask application does: a list of tasks in memory, in Flask's form (sorted keys, indented), with its log lines.
const { createServer } = require('node:http')

const tasks = []

const routes = {
  'GET /tasks': () => [200, { tasks }],
  'POST /tasks': (body, type) => {
    if (type !== 'application/json') return [400, 'the request Content-Type was not application/json']
    const { title, description } = JSON.parse(body)
    if (title === undefined || description === undefined) return [400, 'title and description are needed']
    const task = { description, id: tasks.length + 1, title }
    tasks.push(task)
    return [201, task]
  },
}

function answer(request, body) {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`]
  if (!route) return [404, 'Not Found']
  try {
    return route(body, request.headers['content-type'])
  } catch {
    return [400, 'the request is not JSON']
  }
}

createServer((request, response) => {
  let body = ''
  request.on('data', (part) => (body += part))
  request.on('end', () => {
    const [status, value] = answer(request, body)
    response.writeHead(status, { 'content-type': typeof value === 'string' ? 'text/html' : 'application/json' })
    response.end(typeof value === 'string' ? `${value}\n` : `${JSON.stringify(value, null, 2)}\n`)
    console.error(`${request.socket.remoteAddress} - - [${new Date().toISOString()}] "${request.method} ${request.url} HTTP/1.1" ${status} -`)
  })
}).listen(5000, '0.0.0.0', () => console.error(' * Running on http://127.0.0.1:5000'))
process.on('SIGTERM', () => process.exit(0))
