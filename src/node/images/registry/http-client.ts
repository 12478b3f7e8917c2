// Loaded when a registry is first asked: most agents never pull. A file of our own, since a bundle gives a CommonJS package that is
// imported late no names.
export { Agent, request } from 'undici'
