// send.js PORT JOBS: sends mails with nodemailer. With an attachment's path behind it, one mail that
// nodemailer composes.
const fs = require('fs');
const nodemailer = require('nodemailer');

const [port, jobs, attachment] = process.argv.slice(2);
const transport = nodemailer.createTransport({host: '127.0.0.1', port: Number(port), pool: true});

async function sendAll() {
  for (const job of fs.readFileSync(jobs, 'utf8').trimEnd().split('\n')) {
    const [path, recipients] = job.split('\t');
    await transport.sendMail({
      envelope: {from: 'app@client.test', to: recipients.split(',')},
      raw: fs.readFileSync(path),
    });
  }
}

async function compose() {
  await transport.sendMail({
    from: 'Anwendung <app@client.test>',
    to: 'b@example.test',
    subject: 'Größe',
    text: 'Grüße\n.dot\n',
    html: '<p>Grüße</p>',
    attachments: [{filename: 'report.bin', path: attachment}],
  });
}

(attachment ? compose() : sendAll()).then(() => transport.close(), (error) => {
  console.error(error);
  process.exit(1);
});
