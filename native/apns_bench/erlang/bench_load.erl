%% @doc Pushes as fast as they are taken, from one process, and counts what becomes of them.
-module(bench_load).

-export([new/2, run/3, run_timed/4]).
-export_type([load/0]).

%% What is pushed: made before anything is measured, and different from push to push.
-record(load, {
    app :: apns_nif:app(),
    tokens :: tuple(),
    notifications :: tuple()
}).
-opaque load() :: #load{}.

%% Pushes inside at most: four for every stream, so that none is idle while another thread has the
%% core.
-define(INSIDE, 4000).
%% Both powers of two, so that the next one is found by masking.
-define(TOKENS, 65536).
-define(NOTIFICATIONS, 256).
%% Longer than any outcome takes.
-define(PATIENCE_MS, 30000).

-spec new(apns_nif:app(), fun((Number :: non_neg_integer()) -> apns_nif:notification())) -> load().
new(App, Notification) ->
    Key = {?MODULE, make_ref()},
    %% Off the heap of who pushes: nobody who notifies has all tokens there, and they are no part
    %% of what is measured.
    ok = persistent_term:put(Key, #load{
        app = App,
        tokens = bench_notification:tokens(?TOKENS),
        notifications = list_to_tuple([Notification(N) || N <- lists:seq(1, ?NOTIFICATIONS)])
    }),
    true = erlang:garbage_collect(),
    persistent_term:get(Key).

%% Returns when this many pushes are accepted; anything else that happens to one fails.
-spec run(load(), First :: non_neg_integer(), Count :: pos_integer()) -> ok.
run(Load, First, Count) ->
    push(Load, First, Count, 0, fun notify/3).

%% The same; the time of each notify, in nanoseconds, goes to Time.
-spec run_timed(load(), First, Count, Time) -> ok when
    First :: non_neg_integer(), Count :: pos_integer(), Time :: fun((Ns :: integer()) -> _).
run_timed(Load, First, Count, Time) ->
    push(Load, First, Count, 0, fun(App, Target, Notification) ->
        Start = erlang:monotonic_time(nanosecond),
        Taken = notify(App, Target, Notification),
        _ = Time(erlang:monotonic_time(nanosecond) - Start),
        Taken
    end).

notify(App, Target, Notification) ->
    apns_nif:notify(App, Target, Notification).

push(_Load, _Next, 0, 0, _Notify) ->
    ok;
push(Load, Next, Left, Inside, Notify) when Left > 0, Inside < ?INSIDE ->
    #load{app = App, tokens = Tokens, notifications = Notifications} = Load,
    Target = {token, element(Next band (?TOKENS - 1) + 1, Tokens)},
    Notification = element(Next band (?NOTIFICATIONS - 1) + 1, Notifications),
    case Notify(App, Target, Notification) of
        {ok, [_Id]} -> push(Load, Next + 1, Left - 1, Inside + 1, Notify);
        %% The engine had no turn yet: outcomes will tell of room.
        {error, overloaded} when Inside > 0 -> await(Load, Next, Left, Inside, Notify);
        {error, Reason} -> throw({bench, "notify refuses a push: ~p", [Reason]})
    end;
push(Load, Next, Left, Inside, Notify) ->
    await(Load, Next, Left, Inside, Notify).

await(#load{app = App} = Load, Next, Left, Inside, Notify) ->
    receive
        {apns, App, Events} ->
            push(Load, Next, Left, Inside - accepted(Events, 0), Notify)
    after ?PATIENCE_MS ->
        throw({bench, "~b pushes have no outcome after ~b s", [Inside, ?PATIENCE_MS div 1000]})
    end.

accepted([#{event := accepted} | Events], Count) ->
    accepted(Events, Count + 1);
accepted([#{event := connection_up} | Events], Count) ->
    accepted(Events, Count);
accepted([], Count) ->
    Count;
accepted([Event | _Events], _Count) ->
    throw({bench, "not every push was just accepted: ~p", [Event]}).
