%% @doc Pushes that pile up because the server reads nothing any more, and their outcomes when it
%% does again.
-module(bench_backlog).

-export([fill/4, stall/1, grow/4, drain/3]).
-export_type([backlog/0]).

%% So many pushes, what all their apns-ids add up to, and the requests that the server had counted
%% before.
-opaque backlog() :: {
    Count :: non_neg_integer(), Ids :: non_neg_integer(), Requests :: non_neg_integer()
}.

%% A refused push is tried again after a millisecond, so often.
-define(TRIES, 1000).
-define(PATIENCE_MS, 30000).

%% Stalls the server and pushes; returns when the engine has looked at all pushes.
-spec fill(apns_nif:app(), bench_sink:sink(), Count :: pos_integer(), Push) -> backlog() when
    Push :: fun((Number :: pos_integer()) -> {ok, [apns_nif:apns_id()]} | {error, term()}).
fill(App, Sink, Count, Push) ->
    grow(App, stall(Sink), Count, Push).

%% Nothing has piled up yet.
-spec stall(bench_sink:sink()) -> backlog().
stall(Sink) ->
    #{requests := Before} = bench_sink:stall(Sink),
    {0, 0, Before}.

%% So many more.
-spec grow(apns_nif:app(), backlog(), Count :: pos_integer(), Push) -> backlog() when
    Push :: fun((Number :: pos_integer()) -> {ok, [apns_nif:apns_id()]} | {error, term()}).
grow(App, {Old, OldIds, Before}, Count, Push) ->
    Ids = push(Old + Count, Push, Old, OldIds, ?TRIES),
    ok = looked_at(App, ?TRIES),
    {Old + Count, Ids, Before}.

push(Count, _Push, Count, Ids, _Tries) ->
    Ids;
push(Count, Push, Pushed, Ids, Tries) ->
    case Push(Pushed + 1) of
        {ok, [Id]} ->
            push(Count, Push, Pushed + 1, Ids + erlang:phash2(Id), ?TRIES);
        %% The engine had no turn yet to empty its channel.
        {error, overloaded} when Tries > 0 ->
            receive after 1 -> push(Count, Push, Pushed, Ids, Tries - 1) end;
        {error, Reason} ->
            throw({bench, "notify refuses push ~b of ~b: ~p", [Pushed + 1, Count, Reason]})
    end.

looked_at(App, Tries) ->
    case bench_app:stats(App) of
        #{queued_new := 0} -> ok;
        #{} when Tries > 0 -> receive after 1 -> looked_at(App, Tries - 1) end;
        #{queued_new := New} -> throw({bench, "the engine does not look at ~b pushes", [New]})
    end.

%% Lets the server go on; every push must be accepted, once.
-spec drain(apns_nif:app(), bench_sink:sink(), backlog()) -> ok.
drain(App, Sink, {Count, Ids, Before}) ->
    _ = bench_sink:go(Sink),
    case await(App, Count, 0, 0) of
        Ids -> ok;
        _Others -> throw({bench, "not each push had the one outcome", []})
    end,
    ok = bench_app:settled(App),
    case bench_sink:counts(Sink) of
        #{requests := After} when After - Before =:= Count -> ok;
        #{requests := After} ->
            throw({bench, "~b pushes made ~b requests", [Count, After - Before]})
    end.

await(_App, Count, Count, Ids) ->
    Ids;
await(App, Count, Accepted, Ids) ->
    receive
        {apns, App, Events} ->
            Outcomes = [Id || #{event := accepted, apns_id := Id} <- Events],
            Sum = lists:sum([erlang:phash2(Id) || Id <- Outcomes]),
            await(App, Count, Accepted + length(Outcomes), Ids + Sum)
    after ?PATIENCE_MS ->
        throw({bench, "~b of ~b pushes have no outcome", [Count - Accepted, Count]})
    end.
