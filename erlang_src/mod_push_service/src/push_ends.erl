%% Ends of devices that a database did not take: logouts, removed accounts, tokens that Apple
%% called dead. They are kept in memory until it takes them, and push_loader, which alone reads and
%% repeats them, holds such devices to be gone already. They do not outlive the node: then the next
%% logout or refusal of a device ends it.
-module(push_ends).

-export([init/0, terminate/0, keep/3, living/1, repeat/1]).

-export_type([key/0]).

-include("logger.hrl").

%% What ended. A token's has the owner that the engine has it under, where that is known.
-type key() ::
    {logout, push_devices:us(), push_sessions:session() | password}
    | {account, push_devices:us()}
    | {token, App :: binary(), Token :: binary()}.
%% Devices that were registered later live.
-type time() :: UnixMs :: non_neg_integer().

-define(TABLE, push_ends).
%% Some 300 bytes each: 6 MB. Of more, the later are dropped and counted; said once.
-define(MAX_ENDS, 20000).
%% Tried at a time: so many requests to the database, for which what came meanwhile waits.
-define(BATCH, 20).

%% The caller owns the table: it outlives a crash of push_loader.
-spec init() -> ok.
init() ->
    %% Ordered, so that a user's logouts are found by the first part of their keys.
    ?TABLE = ets:new(?TABLE, [named_table, public, ordered_set]),
    ok.

-spec terminate() -> ok.
terminate() ->
    case length(ets:select(?TABLE, rows())) of
        0 -> ok;
        N -> ?WARNING_MSG("Logouts and dead devices that no database took are forgotten: ~B", [N])
    end.

-spec keep(key(), time(), More :: term()) -> ok.
keep(Key, At, More) ->
    case ets:lookup(?TABLE, Key) of
        [{_, Last, _}] when Last >= At ->
            ok;
        Known ->
            case Known =/= [] orelse ets:info(?TABLE, size) < ?MAX_ENDS of
                true ->
                    true = ets:insert(?TABLE, {Key, At, More}),
                    push_counters:add(ends_kept);
                false ->
                    ok = say_full(ets:insert_new(?TABLE, {full})),
                    push_counters:add(ends_dropped)
            end
    end.

say_full(true) ->
    ?ERROR_MSG("More than ~B logouts and dead devices wait for the database: of the others the "
               "devices stay, until they log out or are refused again", [?MAX_ENDS]);
say_full(false) ->
    ok.

%% Without those whose end waits here.
-spec living([push_devices:device()]) -> [push_devices:device()].
living(Devices) ->
    case ets:info(?TABLE, size) of
        0 -> Devices;
        _ -> [Device || Device <- Devices, not has_ended(Device)]
    end.

has_ended(#{us := US, app := App, token := Token, registered_at := Since} = Device) ->
    Logouts = [End || {{logout, _, Which}, _, _} = End <- logouts(US),
                      push_sessions:leaves(Device, Which)],
    Ends = Logouts ++ ets:lookup(?TABLE, {account, US})
        ++ ets:lookup(?TABLE, {token, App, Token}),
    lists:any(fun({_, At, _}) -> Since =< At end, Ends).

logouts(US) ->
    ets:match_object(?TABLE, {{logout, US, '_'}, '_', '_'}).

%% Tries some again. none: there is nothing to do. {later, N}: N are done, and of the rest each
%% waits for a database that does not take it. {more, N}: there are some that were not tried.
-spec repeat(fun((key(), time(), More :: term()) -> ok | {error, db_failure})) ->
    none | {later | more | all, Done :: non_neg_integer()}.
repeat(Fun) ->
    case ets:info(?TABLE, size) of
        0 -> none;
        _ -> repeat(ets:select(?TABLE, rows(), ?BATCH), Fun, #{}, ?BATCH, 0)
    end.

repeat('$end_of_table', _Fun, Away, _Left, Done) when map_size(Away) > 0 ->
    {later, Done};
repeat('$end_of_table', _Fun, _Away, _Left, Done) ->
    true = ets:delete(?TABLE, full),
    {all, Done};
repeat({Rows, More}, Fun, Away, Left, Done) ->
    case repeat_rows(Rows, Fun, Away, Left, Done) of
        {_, 0, Done1} -> {more, Done1};
        {Away1, Left1, Done1} -> repeat(ets:select(More), Fun, Away1, Left1, Done1)
    end.

%% One try is enough to know that a place is away.
repeat_rows([], _Fun, Away, Left, Done) ->
    {Away, Left, Done};
repeat_rows(_Rows, _Fun, Away, 0, Done) ->
    {Away, 0, Done};
repeat_rows([{Key, At, More} = Row | Rows], Fun, Away, Left, Done) ->
    Place = place(Key),
    case is_map_key(Place, Away) orelse Fun(Key, At, More) of
        true ->
            repeat_rows(Rows, Fun, Away, Left, Done);
        ok ->
            %% A later one of the same key stays.
            true = ets:delete_object(?TABLE, Row),
            repeat_rows(Rows, Fun, Away, Left - 1, Done + 1);
        {error, db_failure} ->
            repeat_rows(Rows, Fun, Away#{Place => true}, Left - 1, Done)
    end.

place({logout, {_, Host}, _}) -> Host;
place({account, {_, Host}}) -> Host;
place({token, App, _}) -> {app, App}.

rows() ->
    [{{'_', '_', '_'}, [], ['$_']}].
