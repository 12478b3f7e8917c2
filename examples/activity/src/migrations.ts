/** Each is applied once, in this order; a release adds to the end and never changes what is there. */
export const migrations: readonly string[] = [
  // `json`, not `jsonb`: data are handed back as they came, whatever they hold.
  `create table activity (
     position bigint generated always as identity primary key,
     source text not null,
     id text not null,
     type text not null,
     subject text not null,
     time timestamptz(3) not null,
     data json not null,
     recorded_at timestamptz not null default now(),
     unique (source, id)
   );
   create index activity_by_time on activity (time desc, position desc);
   create index activity_by_subject on activity (subject, time desc, position desc);`,
]
