%% Remembers what was pushed, so that a message seen by several hooks, or by one hook again after
%% a resumption or a reroute, is pushed once. Two generations of keys: the older is dropped when
%% the newer is full or old.
%%
%% A key is forgotten after one to two lifetimes, earlier only where more than the bound came
%% since.
-module(push_once).

-behaviour(gen_server).

-export([start_link/0, remember/1, remember/2, forget/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-include("logger.hrl").

%% Keys of one generation; some 100 bytes each.
-define(MAX_KEYS, 100000).
%% A lost session may wait for hours (mod_push_keepalive: three days) before its messages are
%% rerouted.
-define(LIFETIME, timer:hours(36)).

-define(A, push_once_a).
-define(B, push_once_b).

-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% first: it was not known, and is now. Called from hooks; never waits.
-spec remember(iodata()) -> first | again.
remember(Data) ->
    case remember(Data, true) of
        first -> first;
        {again, _} -> again
    end.

%% The same with a word about it; again tells the word of the first time. One look-up for both,
%% since every offline message pays for it.
-spec remember(iodata(), Word) -> first | {again, Word} when Word :: atom().
remember(Data, Word) ->
    Key = erlang:md5(Data),
    {New, Old} = generations(),
    try ets:lookup(Old, Key) of
        [{_, First}] -> {again, First};
        [] -> insert(New, Key, Word)
    catch
        %% The tables are gone while their owner starts again: better one push twice than none.
        error:badarg -> first
    end.

%% What was remembered has not happened after all.
-spec forget(iodata()) -> ok.
forget(Data) ->
    Key = erlang:md5(Data),
    try
        true = ets:delete(?A, Key),
        true = ets:delete(?B, Key),
        ok
    catch
        error:badarg -> ok
    end.

%% While the owner has not yet changed generations the bound is exceeded, by no more than itself.
insert(Table, Key, Word) ->
    case ets:info(Table, size) of
        Size when Size < ?MAX_KEYS ->
            insert_new(Table, Key, Word);
        Size when Size < 2 * ?MAX_KEYS ->
            gen_server:cast(?MODULE, {full, Table}),
            insert_new(Table, Key, Word);
        _ ->
            push_counters:add(memory_full),
            known(Table, Key)
    end.

insert_new(Table, Key, Word) ->
    case ets:insert_new(Table, {Key, Word}) of
        true -> first;
        false -> known(Table, Key)
    end.

%% first: it was forgotten in between.
known(Table, Key) ->
    case ets:lookup(Table, Key) of
        [{_, First}] -> {again, First};
        [] -> first
    end.

generations() ->
    case atomics:get(persistent_term:get(?MODULE), 1) rem 2 of
        0 -> {?A, ?B};
        1 -> {?B, ?A}
    end.

-spec init([]) -> {ok, reference()}.
init([]) ->
    lists:foreach(fun(Table) ->
        Table = ets:new(Table, [named_table, public, {write_concurrency, true}])
    end, [?A, ?B]),
    %% Kept over a crash: persistent terms are dear to replace.
    case persistent_term:get(?MODULE, undefined) of
        undefined -> persistent_term:put(?MODULE, atomics:new(1, []));
        _ -> ok
    end,
    {ok, start_timer()}.

-spec handle_call(term(), gen_server:from(), reference()) -> {reply, ok, reference()}.
handle_call(Request, _From, Timer) ->
    ?WARNING_MSG("Unexpected call: ~p", [Request]),
    {reply, ok, Timer}.

-spec handle_cast(term(), reference()) -> {noreply, reference()}.
handle_cast({full, Table}, Timer) ->
    %% Many hooks may have said so of the generation that is the old one by now.
    case generations() of
        {Table, _} -> {noreply, next_generation(Timer)};
        _ -> {noreply, Timer}
    end;
handle_cast(Msg, Timer) ->
    ?WARNING_MSG("Unexpected cast: ~p", [Msg]),
    {noreply, Timer}.

-spec handle_info(term(), reference()) -> {noreply, reference()}.
handle_info({timeout, Timer, lifetime}, Timer) ->
    {noreply, next_generation(Timer)};
handle_info({timeout, _, lifetime}, Timer) ->
    {noreply, Timer};
handle_info(Info, Timer) ->
    ?WARNING_MSG("Unexpected message: ~p", [Info]),
    {noreply, Timer}.

next_generation(Timer) ->
    _ = erlang:cancel_timer(Timer),
    {_, Old} = generations(),
    true = ets:delete_all_objects(Old),
    ok = atomics:add(persistent_term:get(?MODULE), 1, 1),
    start_timer().

start_timer() ->
    erlang:start_timer(?LIFETIME, self(), lifetime).
