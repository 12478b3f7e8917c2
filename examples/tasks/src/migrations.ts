/** Each is applied once, in this order; a release adds to the end and never changes what is there. */
export const migrations: readonly string[] = [
  `create table task (
     id bigint generated always as identity primary key,
     title text not null,
     description text not null,
     completed boolean not null default false,
     version integer not null default 1
   );
   create table outbox (
     position bigint generated always as identity primary key,
     id uuid not null,
     type text not null,
     subject text not null,
     time timestamptz(3) not null,
     data json not null
   );`,
]
