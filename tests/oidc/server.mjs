// An OpenID provider with a login page that takes any name. It prints its issuer when it listens.
//
// The name tells who somebody is: `lin` has lin@example.com, proven; `unverified-lin` has the same
// address, not proven; `nobody-lin` has none.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

function claims(id) {
  const name = id.replace(/^(unverified|nobody)-/, '');
  const person = { sub: id, name: `The ${name}`, preferred_username: name, picture: `https://example.com/${name}.png` };
  if (id.startsWith('nobody-')) return person;
  return { ...person, email: `${name}@example.com`, email_verified: !id.startsWith('unverified-') };
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'sharestack',
      client_secret: 'the secret of sharestack & its %tests',
      redirect_uris: ['https://placeholder.example/cb'],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    }],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'picture', 'preferred_username'],
    },
    pkce: { required: () => true },
    cookies: { keys: ['only for tests'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => claims(id) }),
  });
  // The server under test takes a free port, so its address is known only when it runs.
  provider.Client.prototype.redirectUriAllowed = (uri) =>
    /^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/auth\/oauth\/[a-z0-9-]+\/callback$/.test(uri);
  server.on('request', provider.callback());
  console.log(issuer);
});
// It ends with whoever started it.
process.stdin.resume().on('end', () => process.exit(0));
