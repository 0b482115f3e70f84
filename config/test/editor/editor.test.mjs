// What an editor says of a configuration: the library of the YAML language server,
// which VS Code, Neovim and others run.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import server from 'yaml-language-server'
import { TextDocument } from 'vscode-languageserver-textdocument'

const config = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const read = (name) => readFileSync(resolve(config, name), 'utf8')

const service = server.getLanguageService({
  schemaRequestService: async (uri) => readFileSync(fileURLToPath(uri), 'utf8'),
  workspaceContext: { resolveRelativePath: (path, resource) => new URL(path, resource).href },
  clientCapabilities: { textDocument: { completion: { completionItem: { snippetSupport: true } } } },
})
service.configure({ validate: true, completion: true, hover: true, hoverSchemaSource: false })

let version = 0 // the server keeps what it read of one

// A file beside the example, whose text may have a mark | for the cursor.
function open(text) {
  const modeline = '# yaml-language-server: $schema=iam_session_exporter.schema.json\n'
  const all = text.startsWith('#') ? text : modeline + text
  const cursor = all.startsWith(modeline) ? all.indexOf('|') : -1
  const uri = pathToFileURL(resolve(config, 'test.yml')).href
  const doc = TextDocument.create(uri, 'yaml', ++version, cursor < 0 ? all : all.replace('|', ''))
  return { doc, at: doc.positionAt(Math.max(cursor, 0)) }
}

async function problems(text) {
  return (await service.doValidation(open(text).doc, false)).map((d) => d.message)
}

async function completions(text) {
  const { doc, at } = open(text)
  return [...new Set((await service.doComplete(doc, at, false)).items.map((i) => i.label))]
}

const source = (api, more) => `sources:\n  - name: a\n    api: ${api}\n    url: https://example.com\n${more}`

test('the example is valid, by the schema that it names', async () => {
  const example = read('iam_session_exporter.example.yml')
  assert.match(example, /^# yaml-language-server: \$schema=iam_session_exporter.schema.json\n/)
  assert.deepEqual(await problems(example), [])
  assert.notDeepEqual(await problems(example.replace('probe_only', 'probeonly')), [])
})

test('good configurations are valid', async () => {
  const files = read('testdata/good.txtar').split(/^-- (.+) --\n/m)
  let tried = 0
  for (let i = 1; i < files.length; i += 2) {
    if (files[i].endsWith('.yml')) {
      tried++
      assert.deepEqual(await problems('#\n' + files[i + 1] + '\n# yaml-language-server: $schema=iam_session_exporter.schema.json\n'), [], files[i])
    }
  }
  assert.ok(tried > 10, `got ${tried} configurations, want more than 10`)
})

test('mistakes are marked where they are', async () => {
  for (const [text, want, says] of [
    [source('oam', '    basic_auth: {username: a, password: b, password_file: c}\n'), 'password'],
    [source('oam', '    identity_providers: true\n'), 'identity_providers'],
    [source('oam', '    api_key: {id: a, secret_key_file: k}\n'), 'api_key'],
    [source('intersight', '    max_queries: 3\n'), 'max_queries'],
    [source('intersight', '    api_key: {id: a, secret_key_file: k}\n    oauth2: {client_id: a, client_secret_file: b}\n'), 'oauth2'],
    [source('oam', '    max_queries: 0\n'), '0'],
    [source('intersigth', ''), 'intersigth'],
    [source('intersight', '    timeout: 1.5s\n'), '1.5s', 'must be a duration such as 10s'],
    [source('oam', 'networks: {hq: [10.0.0.0/33]}\n'), '10.0.0.0/33', 'must be a CIDR such as 10.0.0.0/8 or 2001:db8::/32'],
  ]) {
    const { doc } = open(text)
    const got = (await service.doValidation(doc, false)).map((d) => ({ marked: doc.getText(d.range), message: d.message }))
    assert.ok(got.some((g) => g.marked === want && (!says || g.message === says)), `${text}: got ${JSON.stringify(got)}, want ${want} marked`)
  }
})

test('keys and values are completed', async () => {
  for (const [text, want, not] of [
    [source('|', ''), ['intersight', 'oam'], []],
    [source('oam', '    |\n'), ['basic_auth', 'max_queries', 'filter', 'timeout'], ['api_key', 'identity_providers', 'exclude', 'name']],
    [source('intersight', '    |\n'), ['api_key', 'identity_providers', 'exclude'], ['max_queries', 'identity_stores']],
    [source('oam', '    filter:\n      |\n'), ['is_impersonating', 'user_id'], ['role']],
    [source('intersight', '    filter:\n      |\n'), ['role', 'login_type'], ['is_impersonating']],
    [source('oam', 'alerting:\n  key_file: k\n  detections:\n    |\n'), ['session_age', 'off_hours'], []],
    [source('oam', 'alerting:\n  key_file: k\n  detections:\n    session_age: {severity: |}\n'), ['info', 'warning', 'critical'], []],
  ]) {
    const got = await completions(text)
    assert.deepEqual(want.filter((w) => !got.includes(w)), [], `${text}: got ${got}`)
    assert.deepEqual(not.filter((n) => got.includes(n)), [], `${text}: got ${got}`)
  }
})

test('keys are explained', async () => {
  const { doc, at } = open(source('oam', '    max|_queries: 3\n'))
  const { contents } = await service.doHover(doc, at)
  assert.match(contents.value.replaceAll('\\', ''), /the most queries for one refresh, 1 to 10000. Default 200/)
})
