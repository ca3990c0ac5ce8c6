/** One step of the schema. Once released it never changes; a correction is a further step. */
export interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** In the order they run. They are a module, not files, so that they are found wherever the build puts them. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001_users',
    statements: [
      `create table users (
        id uuid primary key,
        position bigint generated always as identity unique,
        username text not null unique check (username ~ '^[a-z][a-z0-9._-]{0,31}$'),
        name text not null,
        roles text[] not null check (roles <@ array['customer', 'teller', 'auditor', 'admin']),
        password_hash text not null check (password_hash like '$argon2id$%'),
        demo boolean not null default false,
        created_at timestamptz not null default now()
      )`,
    ],
  },
  {
    name: '0002_accounts',
    statements: [
      `create table accounts (
        id uuid primary key,
        position bigint generated always as identity unique,
        number text not null unique,
        owner_id uuid not null references users (id),
        balance bigint not null,
        risk_note text,
        created_at timestamptz not null default now(),
        constraint accounts_balance_bounds check (balance between 0 and 9007199254740991)
      )`,
      `create index accounts_by_owner on accounts (owner_id, position)`,
    ],
  },
  {
    name: '0003_transfers',
    statements: [
      `create table transfers (
        id uuid primary key,
        position bigint generated always as identity unique,
        from_id uuid not null references accounts (id),
        to_id uuid not null references accounts (id),
        amount bigint not null,
        reference text,
        created_at timestamptz not null default now(),
        constraint transfers_amount_bounds check (amount between 1 and 9007199254740991),
        constraint transfers_two_accounts check (from_id <> to_id)
      )`,
      `create index transfers_by_source on transfers (from_id, position)`,
      `create index transfers_by_destination on transfers (to_id, position)`,
      `create table transfer_requests (
        subject text not null,
        key text not null,
        fingerprint text not null,
        outcome text,
        transfer_id uuid references transfers (id),
        created_at timestamptz not null default now(),
        primary key (subject, key),
        check ((outcome = 'booked') = (transfer_id is not null))
      )`,
    ],
  },
];
