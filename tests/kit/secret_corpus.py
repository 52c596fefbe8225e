"""Secrets in every form that must not get through, and what only looks like one.

All of them are made up.
"""

import string

LONG = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
HEX = "0123456789abcdef0123456789abcdef"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"

# Text → what must not be in it afterwards.
LEAKS = {
    "postgres://bob:s3cr3t@db.example.com:5432/app": "s3cr3t",
    "postgresql+psycopg://bob:p@ss#w/ord@db.example.com/app": "ord@",
    "redis://:hunter2@localhost:6379/0": "hunter2",
    "amqp://a:pw1@h1:5672,amqp://b:pw2@h2": "pw2",
    "amqp://h:5672,amqp://b:pw2@h2": "pw2",
    "https://user:tok3n@registry.example.org/@scope/pkg": "tok3n",
    "http://proxy:8080/?next=http://u:pw99@h": "pw99",
    "jdbc:postgresql://h/db?user=x&password=Sup3r": "Sup3r",
    f"git clone https://ghp_{LONG[:36]}@github.com/x/y": LONG[:30],
    f"clone https://{HEX}01234567@github.com/x": HEX,
    f"got {JWT} ok": "eyJzdWIi",
    f"keyJson.{JWT}": "eyJzdWIi",
    f"token_{JWT}": "eyJzdWIi",
    f"ghp_{LONG[:36]}": LONG[:36],
    f"gho_{LONG[:36]}": LONG[:36],
    f"github_pat_11ABCDEFG0{LONG}": LONG,
    f"sk-proj-{LONG}": LONG,
    f"sk-ant-api03-{LONG}": LONG,
    f"sk-{string.ascii_lowercase}": string.ascii_lowercase,
    f"sk_live_{LONG[:24]}": LONG[:24],
    f"rk_live_{LONG[:24]}": LONG[:24],
    "AKIAIOSFODNN7EXAMPLE": "IOSFODNN7",
    "id ASIAIOSFODNN7EXAMPLE x": "IOSFODNN7",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "K7MDENG",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "K7MDENG",
    "xoxb-1234567890-abcdefghijkl": "abcdefghijkl",
    "https://hooks.slack.com/services/T000/B000/XXXXYYYY": "XXXXYYYY",
    f"AIza{LONG[:35]}": LONG[:35],
    f"ya29.{LONG}": LONG,
    f"glpat-{LONG[:20]}": LONG[:20],
    f"npm_{LONG[:36]}": LONG[:36],
    f"pypi-AgEIcHlwaS5vcmcCJ{LONG}": LONG,
    f"SG.{LONG[:22]}.{LONG}": LONG,
    "pat-na1-12345678-90ab-cdef-1234-567890abcdef": "12345678",
    "pat-eu1-12345678-90ab-cdef-1234-567890abcdef": "12345678",
    f"sbp_{HEX}01234567": HEX,
    f"sb_secret_{LONG[:31]}": LONG[:31],
    f"SK{HEX}": HEX,
    f"123456789:AA{LONG}": LONG,
    "-----BEGIN RSA PRIVATE KEY-----\nA: 4,B\n\nMIIEow\n-----END RSA PRIVATE KEY-----": "MIIEow",
    "-----BEGIN PRIVATE KEY-----\nMIIEowabc": "MIIEow",
    "Authorization: Bearer abcdef": "abcdef",
    f"Bearer {LONG}": LONG,
    "bearer a1b2c3d4": "a1b2c3d4",
    "Basic dXNlcjpwYXNz": "dXNlcjpwYXNz",
    "Authorization: Basic abc": "abc",
    'Authorization: Digest username="x", response="abc123"': "abc123",
    "Authorization: AWS4-HMAC-SHA256 Credential=A/2, Signature=abc123": "abc123",
    "password=hunter2": "hunter2",
    "pass=hunter2": "hunter2",
    "pwd: hunter2": "hunter2",
    '{"password": "hunter2 x"}': "hunter2",
    "{'password': 'hunter2'}": "hunter2",
    '{\\"password\\": \\"hunter2\\"}': "hunter2",
    '{"password":123456,"user":"bob"}': "123456",
    "--token hunter2x9": "hunter2x9",
    "--password=hunter2": "hunter2",
    "PGPASSWORD=hunter2 psql": "hunter2",
    "mysql --password hunter2": "hunter2",
    "api_key: abc123def": "abc123def",
    "X-Api-Key: abc123def": "abc123def",
    "apiKey=abc123def&x=1": "abc123def",
    "url: https://x.y/?token=abc123def": "abc123def",
    "Server=x;Password=y9y9y9;Database=z": "y9y9y9",
    "AccountKey=abc123==;EndpointSuffix=core": "abc123",
    "DATABASE_PASSWORD: 'it''s'": "s'",
    'client_secret="a\\"b9b9"': "b9b9",
    "token='abc123": "abc123",
    'secret = """abc"123"""': "123",
    "secret = b'abc123'": "abc123",
    "os.environ['API_KEY'] = 'abc123'": "abc123",
    'password_hash: str = "s3cr3t"': "s3cr3t",
    "ALTER USER bob PASSWORD 's3cr3t'": "s3cr3t",
    "user identified by 's3cr3t'": "s3cr3t",
    "curl -u bob:s3cr3t https://x": "s3cr3t",
    "curl --user 'bob:s3cr3t' x": "s3cr3t",
    "<password>s3cr3t</password>": "s3cr3t",
    'credentials={"a": {"b": "s3"}, "c": "s4x"}': "s4x",
    '"tokens": ["s3cr", "s4cr"]': "s4cr",
    "token: (abc123": "abc123",
    "set-cookie: sid=abc123; Path=/": "abc123",
    "Cookie: sid=abc123; other=def456": "def456",
    "пароль: hunter2": "hunter2",
    "hapikey=12345678-90ab": "12345678",
    "https://x.blob.core.windows.net/c?sv=1&sig=abc%2Bdef&se=2": "abc%2B",
    "https://s3/x?X-Amz-Signature=abcdef01&y=1": "abcdef01",
    "password: [redacted]hunter2": "hunter2",
    'password="x9 [redacted]': "x9",
    "password=a&b9b9": "b9b9",
    "password=a,b9b9": "b9b9",
    "fatal: password=hunter2)": "hunter2",
    "host=h user=u password=hunter2 dbname=d": "hunter2",
    f"https://api.telegram.org/bot123456789:AA{LONG}/sendMessage": LONG,
    f"ATATT3xFfGF0{LONG}=A1B2": LONG,
    f"hvs.{LONG}": LONG,
    f"dapi{HEX}": HEX,
    f"glsa_{LONG[:32]}_1234abcd": LONG[:32],
    f"figd_{LONG}": LONG,
    f"PMAK-{HEX[:24]}-{HEX}01": HEX[:24],
    f"NRAK-{LONG[:27].upper()}": LONG[:27].upper(),
    f"re_{LONG[:8]}_{LONG[:24]}": LONG[:24],
    f"r8_{LONG[:37]}": LONG[:37],
    f"AC{HEX}:{HEX[::-1]}": HEX[::-1],
    f"https://x.webhook.office.com/webhookb2/{HEX}@y/IncomingWebhook/z": HEX,
    f"https://{LONG}:x-oauth-basic@github.com/a": LONG,
    f"https://{LONG}:@github.com/a": LONG,
    "https%3A%2F%2Fx%3Ftoken%3Dabc123def": "abc123def",
    "JSESSIONID=A1B2C3D4E5": "A1B2C3",
    "sshpass -p hunter2 ssh x": "hunter2",
    "mysql -u root -phunter2 db": "hunter2",
    "redis-cli -h x -a hunter2 ping": "hunter2",
    "docker login -u bob -p hunter2 reg": "hunter2",
    "('password', 'hunter2')": "hunter2",
    "[(b'authorization', b'hunter2')]": "hunter2",
    "API key: hunter2x9": "hunter2x9",
    "connection string: Server=x;Pw=hunter2": "hunter2",
    "FERNET_KEY=hunter2x9=": "hunter2x9",
    f"%20ghp_{LONG[:36]}": LONG[:36],
    f"\\nghp_{LONG[:36]}": LONG[:36],
    f"xyz8Q~{LONG[:34]}": LONG[:34],
    "BEARER tok3nabc": "tok3nabc",
    "Bearer\ttok3nabc": "tok3nabc",
    "BASIC dXNlcjpwYXNz": "dXNlcjpwYXNz",
    "db_pw=hunter2": "hunter2",
    "-token hunter2x9": "hunter2x9",
}

LOOKALIKES = """\
Fetched 150 contacts: page=1
max_tokens=4096 token_count: 15 tokens_used=1500
the secretary wrote
author: John Smith
passport: AB123
keyboard=us
api_keys_rotated: 3
token: 5
tokens: 1500
tokens: {"prompt": 12, "completion": 30}
token: expired
Basic authentication enabled
Bearer authentication failed
bearer token missing
Basic usage: do x
https://api.hubapi.com/crm/v3/objects?limit=100
http://localhost:8080/@user
http://[::1]:8080/@user
https://medium.com/@user
ssh://git@github.com:22/x
https://h/x?email=a@b.c
password authentication failed for user "bob"
task-force-alpha-2024-report
sk-learn-pipeline-runner
risk-assessment-2024-01-01
primary_key=5
cache_key: user:5
2025-11-23T18:55:11+00:00
id=0192f0c0-0000-7000-8000-000000000000
heyJude.txt
Sent mail to bob@example.com
password=None
token=null
password: ***
SKU12345
ASIAN markets
git log --author bob
npm_config_x=1
session_id=abc
Password reset for user: 5
next_page_token=abc123
passed: 5, failed: 3
connection: keep-alive
x = monkey: banana
SELECT 'a' FROM t
auth_method=basic
<a href='x'>b</a>
-----BEGIN CERTIFICATE-----
PWD=/home/app
pwd: /home/app
authorization: granted
credentials: loaded from vault
credentials: {}
api_key: not set
dsn: localhost:5432/x
curl -u https://x
ssl_key=/etc/ssl/private/app.key
cookie: accepted
role_key=admin
primary key: 17
fields ('password', 'email', 'name')
mysql -h db -port 3306
re_process_internationalization
3f2504e0-4f89-11d3-9a0c-0305e82c3301""".splitlines()

# Meta under names of secrets that only tells how it stands with them.
HARMLESS_META = [
    {"cookie": "accepted"},
    {"auth": "ok"},
    {"pass": "yes"},
    {"token": "expired"},
    {"role_key": "admin"},
    {"function_key": "C5"},
    {"tokens": {"model": "x", "in": 5}},
    {"credentials": {}},
    {"credentials": "loaded from vault"},
    {"authorization": "granted"},
    {"api_key": "not set"},
    {"pwd": "/home/app"},
    {"dsn": "localhost:5432/x"},
    {"private_key": "/etc/x/app.pem"},
]

SECRETS = """password passwd pwd PGPASSWORD dbPassword password2 token access_token IDToken
    csrfToken secret clientSecret client_secret authorization proxy-authorization api_key apikey
    apiKey x-api-key X-Api-Key hapikey dsn DATABASE_DSN private_key privateKeyPem ssh_private_key
    cookie set-cookie credential credentials access_key aws_secret_access_key connection_string
    connectionString SUPABASE_SERVICE_ROLE_KEY OPENAI_KEY secret_id passphrase pass пароль otp
    new_password_confirmation tokens api_keys"""
OPEN = """max_tokens maxTokens token_count tokens_used secretary author authority passport
    keyboard monkey api_keys_rotated next_page_token primary_key foreign_key cache_key key keys
    secret_name password_reset_at first_pass tests_passed session_id num_secrets authorized_by
    token_type auth_method count page tokenizer compass bypass cookiecutter public_key
    total_tokens prompt_tokens AWS_ACCESS_KEY_ID _ 123"""
