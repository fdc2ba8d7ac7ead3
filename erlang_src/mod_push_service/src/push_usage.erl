%% When Apple last took a push for each device, and why it last refused one: learnt from outcomes,
%% kept in the store.
%%
%% Hooks pay for it with a look into an array. Engines send no event for a push that Apple took,
%% unless it is asked for: one push of each owner is, in every PERIOD. What comes of it is
%% collected in a table of bounded size and written now and then, by this process, some devices at
%% a time.
%% What was not written when the node crashed is lost, and known again a period later. What the
%% store does not take stays in the table, for KEPT, and is tried again.
-module(push_usage).

-behaviour(gen_server).

-export([start_link/0, init_tables/0]).
%% From hooks: never wait
-export([options/2, taken/4]).
%% Outcomes that others were told
-export([note/2]).
%% Waits until all that was noted is in the store, as far as the store takes it
-export([flush/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, format_status/1]).
%% Pure
-export([slot/3, noted/2, last_used/1]).

-export_type([note/0]).

-include("logger.hrl").

%% What outcomes say of a device. Unix ms; none: nothing.
-type note() :: {Used :: none | non_neg_integer(), Refused :: none | refusal()}.
-type refusal() :: {At :: non_neg_integer(), Reason :: binary()}.

-define(TABLE, push_usage).
%% Milliseconds in which a device's last use is written once at most. As long as the period in
%% which an owner is asked for once: so it is exact to a day.
-define(USED_INTERVAL, 12 * 3600 * 1000).
-define(PERIOD, (?USED_INTERVAL div 1000)).
%% Milliseconds in which one reason is written once at most; another is at once.
-define(REFUSED_INTERVAL, 3600 * 1000).
%% Owners of whom it is known that they were asked for: 2 MB. Of more, two share a place and are
%% asked for more often, which costs an event each and loses nothing. A power of two.
-define(SLOTS, 262144).
%% Pushes whose outcome may be awaited: so long is the mailbox at most. Beyond, none is asked for
%% before the owner's next push, which is counted.
-define(MAX_AWAITED, 20000).
%% Devices with something to write; some 300 bytes each. Beyond, what is new is dropped and
%% counted.
-define(MAX_NOTES, 20000).
%% Milliseconds from a write to the next, and until what could not be written is tried again.
-define(FLUSH_INTERVAL, 10000).
%% Milliseconds that what the store does not take is kept. Few outages are longer; and what a store
%% would never take is not to keep others from it for ever. What is older then is dropped and
%% counted.
-define(KEPT, 3600 * 1000).
%% Devices in one transaction. In Mnesia its locks are held for some milliseconds; in SQL each
%% device costs a read, and each that is due another and a write, which hold its row until the end.
-define(BATCH, 100).
%% Milliseconds that the end of a vhost waits for the last write.
-define(FLUSH_TIMEOUT, 10000).
%% Bytes of a reason: Apple's are shorter.
-define(MAX_REASON, 64).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The caller owns the table: what is noted outlives a crash of this process.
-spec init_tables() -> ok.
init_tables() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {write_concurrency, true}]),
    case persistent_term:get(?MODULE, undefined) of
        %% Kept: persistent terms are dear to replace.
        undefined -> persistent_term:put(?MODULE, atomics:new(?SLOTS + 1, []));
        _ -> ok
    end.

%%% Hooks

%% Options for the next push of this owner or device: its outcome is asked for where that is due.
-spec options(App :: binary(), apns_nif:target()) -> apns_nif:opts().
options(App, Target) ->
    {Slot, Mark} = slot(App, Target, erlang:system_time(second)),
    Array = persistent_term:get(?MODULE),
    case atomics:get(Array, Slot) of
        Mark -> #{};
        _ -> ask(whereis(?MODULE), atomics:get(Array, ?SLOTS + 1))
    end.

ask(Pid, Awaited) when is_pid(Pid), Awaited < ?MAX_AWAITED ->
    #{reply_to => Pid};
ask(Pid, _Awaited) when is_pid(Pid) ->
    ok = push_counters:add(usage_dropped),
    #{};
%% It starts again just now.
ask(undefined, _Awaited) ->
    #{}.

%% What the engine answered to a push with these options.
-spec taken(apns_nif:opts(), App :: binary(), apns_nif:target(),
            {ok, [apns_nif:apns_id()]} | {error, term()}) -> ok.
taken(#{reply_to := _}, App, Target, {ok, [_ | _] = Ids}) ->
    {Slot, Mark} = slot(App, Target, erlang:system_time(second)),
    Array = persistent_term:get(?MODULE),
    ok = atomics:add(Array, ?SLOTS + 1, length(Ids)),
    atomics:put(Array, Slot, Mark);
taken(_Opts, _App, _Target, _Answer) ->
    ok.

%% Where an owner's mark is, and what it is in this period. Periods begin at another time for each
%% owner: else all of them would be asked for, and written, in the same minutes.
-spec slot(App :: binary(), apns_nif:target(), Now :: non_neg_integer()) ->
    {Slot :: pos_integer(), Mark :: pos_integer()}.
slot(App, Target, Now) ->
    Hash = erlang:phash2({App, Target}, 1 bsl 32),
    Period = (Now + Hash rem ?PERIOD) div ?PERIOD,
    {Hash band (?SLOTS - 1) + 1, (Period bsl 32) bor Hash}.

%%% Outcomes

-spec note(App :: binary(), [apns_nif:event() | map()]) -> ok.
note(App, Events) ->
    Now = erlang:system_time(millisecond),
    lists:foreach(fun(Event) -> note(App, Event, Now) end, Events).

note(App, #{event := accepted, token := Token}, Now) ->
    keep({App, Token}, {2, Now}, {Now, none});
note(App, #{event := rejected, token := Token} = Event, Now) ->
    %% The next push shows whether it is over.
    ok = forget(App, Event),
    Refusal = {Now, reason(Event)},
    keep({App, Token}, {3, Refusal}, {none, Refusal});
note(App, #{event := failed} = Event, _Now) ->
    forget(App, Event);
note(_App, _Event, _Now) ->
    ok.

reason(#{reason := <<Reason:?MAX_REASON/binary, _/binary>>}) -> Reason;
reason(#{reason := Reason}) -> Reason;
reason(#{status := Status}) -> <<"status ", (integer_to_binary(Status))/binary>>.

forget(App, Event) ->
    Target = case Event of
        #{owner := Owner} -> Owner;
        #{token := Token} -> {token, Token}
    end,
    {Slot, _} = slot(App, Target, 0),
    atomics:put(persistent_term:get(?MODULE), Slot, 0).

keep(Key, Change, {Used, Refused}) ->
    try ets:update_element(?TABLE, Key, Change) orelse ets:info(?TABLE, size) < ?MAX_NOTES of
        true ->
            _ = ets:insert_new(?TABLE, {Key, Used, Refused}),
            ok;
        false ->
            push_counters:add(usage_dropped)
    catch
        %% The module is being stopped.
        error:badarg -> ok
    end.

%% The device with what is new of it; the same where nothing is to be written. What came before its
%% registration is of another life of the token.
-spec noted(push_devices:device(), note()) -> push_devices:device().
noted(Device, {Used, Refused}) ->
    refused(used(Device, Used), Refused).

used(Device, none) ->
    Device;
used(Device, At) ->
    Last = last_used(Device),
    IsMended = case Device of
        #{last_error := {Refused, _}} -> Refused >= Last andalso At > Refused;
        _ -> false
    end,
    case At - Last >= ?USED_INTERVAL orelse (IsMended andalso At > Last) of
        true -> Device#{last_used => At};
        false -> Device
    end.

refused(#{registered_at := Since} = Device, {At, Reason} = Refusal) when At >= Since ->
    case Device of
        #{last_error := {Last, Reason}} when At - Last < ?REFUSED_INTERVAL -> Device;
        _ -> Device#{last_error => Refusal}
    end;
refused(Device, _) ->
    Device.

%% Registered or used, whichever came later: apps register at each start.
-spec last_used(push_devices:device()) -> UnixMs :: non_neg_integer().
last_used(#{registered_at := At} = Device) ->
    max(At, maps:get(last_used, Device, 0)).

%%% Writing

-spec flush() -> ok.
flush() ->
    try gen_server:call(?MODULE, flush, ?FLUSH_TIMEOUT)
    catch exit:_ -> ok
    end.

-spec init([]) -> {ok, none}.
init([]) ->
    process_flag(trap_exit, true),
    %% What another awaited will never come.
    ok = atomics:put(persistent_term:get(?MODULE), ?SLOTS + 1, 0),
    _ = erlang:send_after(?FLUSH_INTERVAL, self(), {write, []}),
    {ok, none}.

-spec handle_call(term(), gen_server:from(), none) -> {reply, ok, none}.
handle_call(flush, _From, State) ->
    {reply, write_all([]), State};
handle_call(_Request, _From, State) ->
    ?WARNING_MSG("Unexpected call", []),
    {reply, ok, State}.

-spec handle_cast(term(), none) -> {noreply, none}.
handle_cast(_Msg, State) ->
    ?WARNING_MSG("Unexpected cast", []),
    {noreply, State}.

-spec handle_info(term(), none) -> {noreply, none}.
handle_info({apns, App, Events}, State) ->
    %% Not of a trial's: this process asked for these alone.
    ok = atomics:sub(persistent_term:get(?MODULE), ?SLOTS + 1, length(Events)),
    ok = note(App, Events),
    %% Who asks for an outcome is the only one to get it.
    lists:foreach(fun(Event) -> log(App, Event) end, Events),
    {noreply, State};
handle_info({write, Failed}, State) ->
    %% Outcomes that came meanwhile have their turn between two batches.
    {Pause, StillFailed} = case write(Failed) of
        {more, All} -> {0, All};
        done -> {?FLUSH_INTERVAL, []}
    end,
    _ = erlang:send_after(Pause, self(), {write, StillFailed}),
    {noreply, State};
handle_info(_Info, State) ->
    ?WARNING_MSG("Unexpected message", []),
    {noreply, State}.

-spec terminate(term(), none) -> ok.
terminate(shutdown, _State) -> write_all([]);
terminate(_Reason, _State) -> ok.

%% Events hold tokens.
-spec format_status(gen_server:format_status()) -> gen_server:format_status().
format_status(Status) ->
    maps:map(fun(message, _) -> hidden;
                (log, _) -> [];
                (_, Value) -> Value
             end, Status).

log(_App, #{event := accepted}) -> ok;
log(App, Event) -> push_events:log(App, Event).

write_all(Failed) ->
    case write(Failed) of
        {more, All} -> write_all(All);
        done -> ok
    end.

%% One batch. Apps whose devices' store failed in this round are left for the next one.
write(Failed) ->
    Others = [{'=/=', '$1', {const, App}} || App <- Failed],
    case ets:select(?TABLE, [{{{'$1', '_'}, '_', '_'}, Others, ['$_']}], ?BATCH) of
        '$end_of_table' ->
            done;
        {Rows, _} ->
            Apps = maps:groups_from_list(fun({{App, _}, _, _}) -> App end, Rows),
            {more, [App || {App, Own} <- maps:to_list(Apps), written(App, Own) =/= ok] ++ Failed}
    end.

written(App, Rows) ->
    case guarded(App, [{Token, {Used, Refused}} || {{_, Token}, Used, Refused} <- Rows]) of
        ok ->
            %% One that has changed since stays, for the next batch.
            lists:foreach(fun(Row) -> ets:delete_object(?TABLE, Row) end, Rows);
        {error, db_failure} ->
            Least = erlang:system_time(millisecond) - ?KEPT,
            ok = drop([Row || Row <- Rows, latest(Row) < Least]),
            failed;
        crashed ->
            drop(Rows)
    end.

latest({_Key, none, {At, _Reason}}) -> At;
latest({_Key, At, none}) -> At;
latest({_Key, Used, {Refused, _Reason}}) -> max(Used, Refused).

drop(Rows) ->
    lists:foreach(fun(Row) -> ets:delete_object(?TABLE, Row) end, Rows),
    push_counters:add(usage_dropped, length(Rows)).

guarded(App, Notes) ->
    try push_devices:used(App, Notes)
    catch
        Class:_:Stack ->
            %% Neither reason nor arguments: they hold tokens.
            ?ERROR_MSG("Use of devices: ~p in ~p", [Class, [{M, F} || {M, F, _, _} <- Stack]]),
            crashed
    end.
