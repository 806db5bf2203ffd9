// Has every image of a directory done by a pixfarm server, shows progress, prints the report.
'use strict';
const { randomUUID } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const thrift = require('thrift');
const ImageServer = require('./ImageServer');
const { InvalidRequest, JobOptions, JobState, Strategy, UnknownJob } = require('./pixfarm_types');

const [basePath, host = 'localhost', port = '9090'] = process.argv.slice(2);

// A client, and a promise that is broken when its connection is: Thrift itself leaves its calls waiting.
function connect() {
  const options = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol, connect_timeout: 5000 };
  const connection = thrift.createConnection(host, Number(port), options);
  const lost = new Promise((_, reject) => {
    connection.on('error', reject);
    connection.on('timeout', () => reject(new Error('no answer within 5 s')));
    connection.on('close', () => reject(new Error('the connection was closed')));
  });
  return { client: thrift.createClient(ImageServer, connection), lost, end: () => connection.end() };
}

async function submit(waiting, asking) {
  const options = new JobOptions({ job_id: randomUUID() }); // our own id, so that we can ask for it meanwhile
  const lost = Promise.race([waiting.lost, asking.lost]);
  let report = null;
  let shown = '';
  const job = waiting.client.submit_request(basePath, Strategy.LOAD_BALANCING, options);
  const end = job.then((answer) => { report = answer; });
  while (!report) {
    await Promise.race([end, lost, sleep(200)]);
    if (report) break;
    const question = asking.client.job_status(options.job_id);
    const status = await Promise.race([question, lost]).catch((error) => {
      if (!(error instanceof UnknownJob)) throw error; // not submitted yet
    });
    const line = status ? `${status.done} of ${status.total} images done` : shown;
    if (line !== shown) console.log(line);
    shown = line;
  }
  return report;
}

// i64 arrives as a node-int64 object: fine in a text, but == compares two of them by identity, not by value.
function print(report) {
  const state = Object.keys(JobState).find((name) => JobState[name] === report.state);
  console.log(`job ${report.job_id} ${state}: ${report.done} of ${report.total} images done in ` +
    `${report.elapsed_s.toFixed(1)} s, ${report.failed} failed, ${report.not_done} not done`);
  for (const node of report.nodes) console.log(`  ${node.name}: ${node.done} done, ${node.refused} refused`);
  for (const failure of report.failures) console.log(`  ${failure.filename}: ${failure.code} ${failure.message}`);
  if (report.code === 'NO_NODES') return 3;
  return state === 'FINISHED' && Number(report.done) === Number(report.total) ? 0 : 1;
}

async function main() {
  if (!basePath || !(Number(port) > 0 && Number(port) < 65536)) {
    console.error('usage: node submit.js <absolute base path> [host] [port]');
    return 2;
  }
  const connections = [connect(), connect()];
  try {
    return print(await submit(...connections));
  } catch (error) {
    if (error instanceof InvalidRequest) {
      console.error(`the server refuses: ${error.message}`);
      return 2;
    }
    console.error(`no answer from the server at ${host}:${port}: ${error.message || error.code || error}`);
    return 3;
  } finally {
    connections.forEach((connection) => connection.end());
  }
}

main().then((code) => process.exit(code));
