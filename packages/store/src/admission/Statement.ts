/** What admission asks of the database: tokens, clocks, people and buckets, of many requests in one statement. */

/** Buckets are locked in the order of their keys: two processes wait for each other, and never both. */
export const statement = `
  with asked as materialized (
    select * from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::integer[])
      with ordinality as asked (organization_id, id, hash, calls, place)
  ), known as materialized (
    select asked.*, token.secret_hash, token.scopes, maker.scopes as maker_scopes, token.reach,
      least(token.per_second, maker.per_second) as per_second,
      case when token.previous_until > statement_timestamp() + organization.clock_ahead_ms * interval '1 millisecond'
        then token.previous_hash end as previous_hash,
      floor(extract(epoch from token.previous_until) * 1000)::float8 as previous_until,
      floor(extract(epoch from statement_timestamp()) * 1000)::float8 + organization.clock_ahead_ms::float8 as now,
      token.revoked_at is not null
        or (token.maker_id is not null and (maker.id is null or maker.revoked_at is not null))
        or (token.member_id is not null and member.id is null)
        or (token.operator_id is not null and operator.id is null) as revoked,
      token.member_id, member.role as member_role, token.operator_id, operator.role as operator_role,
      floor(extract(epoch from coalesce(member.last_seen_at, operator.last_seen_at)) * 1000)::float8 as seen,
      coalesce(
        least(token.expires_at, maker.expires_at) <= statement_timestamp() + organization.clock_ahead_ms * interval '1 millisecond', false
      ) as expired
    from asked
    join access_token token using (organization_id, id)
    join organization on organization.id = asked.organization_id
    left join access_token maker on maker.organization_id = token.organization_id and maker.id = token.maker_id
    left join member on member.organization_id = token.organization_id and member.id = token.member_id
      and member.removed_at is null
    left join operator on operator.organization_id = token.organization_id and operator.id = token.operator_id
      and operator.status = 'active'
  ), good as materialized (
    select organization_id, id, per_second, now, sum(calls) as calls
    from known
    where hash in (secret_hash, previous_hash) and not revoked and not expired
    group by organization_id, id, per_second, now
  ), bucket as materialized (
    select rate.organization_id, rate.token_id, good.calls, good.now,
      least(
        good.per_second,
        rate.allowance + greatest(0, extract(epoch from statement_timestamp() - rate.at)) * good.per_second
      )::float8 as held
    from good
    join access_token_rate rate on rate.organization_id = good.organization_id and rate.token_id = good.id
    order by rate.organization_id, rate.token_id
    for update of rate
  ), counted as (
    update access_token_rate rate
    set allowance = bucket.held - least(bucket.calls, floor(bucket.held)), at = greatest(rate.at, statement_timestamp()),
      used_at = to_timestamp(bucket.now / 1000)
    from bucket
    where rate.organization_id = bucket.organization_id and rate.token_id = bucket.token_id
    returning rate.organization_id, rate.token_id, bucket.held, least(bucket.calls, floor(bucket.held)) as taken
  )
  select known.place::integer, known.secret_hash, known.previous_hash, known.previous_until, known.scopes, known.maker_scopes, known.reach, known.per_second,
    known.now, known.revoked, known.expired, known.member_id, known.member_role, known.operator_id, known.operator_role,
    known.seen, counted.held, counted.taken
  from known
  left join counted on counted.organization_id = known.organization_id and counted.token_id = known.id`

/** A bucket begins full. */
export const buckets = `
  insert into access_token_rate (organization_id, token_id, allowance, at)
  select organization_id, id, per_second, statement_timestamp()
  from access_token
  join unnest($1::uuid[], $2::uuid[]) as fresh (organization_id, id) using (organization_id, id)
  order by organization_id, id
  on conflict (organization_id, token_id) do nothing`
