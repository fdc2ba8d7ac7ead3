%% Devices in Mnesia: one row per app and token, found by owner through an index.
-module(push_devices_mnesia).

-behaviour(push_devices).

-export([init/2, store/1, lookup/1, remove/2, remove_token/4, update/4, secret/3, place/1]).
-export([owners_of/2, count/1]).
-export([lookup_token/3, fold/3, is_empty/1, set_secret/3]).

-include("logger.hrl").

-record(push_device, {
    key :: {App :: binary() | '$1', Token :: binary() | '_'} | '_',
    us :: push_devices:us() | {'$1' | '_', Host :: binary()},
    registered_at :: non_neg_integer() | '_',
    %% The rest of push_devices:device(). A map, so that a later version adds to it without a
    %% transformation.
    info :: map() | '_'
}).
-record(push_secret, {name :: atom(), value :: binary()}).

%% Rows read at a time where all of them are looked at: what is read is a copy.
-define(CHUNK, 1000).

-spec init(Host :: binary(), gen_mod:opts()) -> ok.
init(_Host, _Opts) ->
    {atomic, ok} = create(push_device, record_info(fields, push_device), [{index, [us]}]),
    {atomic, ok} = create(push_secret, record_info(fields, push_secret), []),
    ok.

create(Table, Fields, More) ->
    ejabberd_mnesia:create(?MODULE, Table,
                           [{disc_copies, [node()]}, {attributes, Fields} | More]).

-spec store([{push_devices:device(), push_devices:superseded()}, ...]) ->
    {ok, [[push_devices:device()] | kept]} | {error, db_failure}.
store(Devices) ->
    transaction(fun() -> [store(Device, Superseded) || {Device, Superseded} <- Devices] end).

store(#{us := US} = Device, Superseded) ->
    #push_device{key = Key} = Row = to_row(Device),
    %% Lock the row before the index is read: two users may register one token at once.
    Previous = [to_device(R) || R <- mnesia:read(push_device, Key, write)],
    Owned = mnesia:index_read(push_device, US, #push_device.us),
    case Superseded([to_device(R) || R <- Owned], Previous) of
        keep ->
            kept;
        Gone ->
            lists:foreach(fun delete/1, Gone),
            ok = mnesia:write(Row),
            [D || #{us := Other} = D <- Previous, Other =/= US] ++ Gone
    end.

-spec lookup(push_devices:us()) -> {ok, [push_devices:device()]} | {error, db_failure}.
lookup(US) ->
    %% Dirty, and right all the same: it is asked again after each change.
    try mnesia:dirty_index_read(push_device, US, #push_device.us) of
        Rows -> {ok, [to_device(Row) || Row <- Rows]}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

-spec lookup_token(binary(), binary(), binary()) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
lookup_token(_Host, App, Token) ->
    try mnesia:dirty_read(push_device, {App, Token}) of
        Rows -> {ok, [to_device(Row) || Row <- Rows]}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

-spec remove(push_devices:us(), fun((push_devices:device()) -> boolean())) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
remove(US, Condition) ->
    transaction(fun() ->
        Rows = mnesia:index_read(push_device, US, #push_device.us),
        delete_if(Condition, Rows)
    end).

-spec remove_token(binary(), binary(), binary(), fun((push_devices:device()) -> boolean())) ->
    {ok, [push_devices:device()]} | {error, db_failure}.
remove_token(_Host, App, Token, Condition) ->
    transaction(fun() ->
        delete_if(Condition, mnesia:read(push_device, {App, Token}, write))
    end).

-spec update(binary(), binary(), [{binary(), Note}],
             fun((push_devices:device(), Note) -> push_devices:device())) ->
    {ok, non_neg_integer()} | {error, db_failure} when Note :: term().
update(_Host, App, Notes, Change) ->
    %% Most change nothing: those cost no transaction.
    try [Note || {Token, _} = Note <- Notes,
                 change(Note, mnesia:dirty_read(push_device, {App, Token}), Change) =/= []] of
        [] -> {ok, 0};
        Due -> transaction(fun() -> update_each(App, Due, Change) end)
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

update_each(App, Notes, Change) ->
    Changed = [Row || {Token, _} = Note <- Notes,
                      Row <- change(Note, mnesia:read(push_device, {App, Token}, write), Change)],
    lists:foreach(fun mnesia:write/1, Changed),
    length(Changed).

change({_, Note}, Rows, Change) ->
    [to_row(New) || Row <- Rows, Old <- [to_device(Row)], New <- [Change(Old, Note)],
                    New =/= Old].

-spec count(Host :: binary()) ->
    {ok, #{App :: binary() => pos_integer()}} | {error, db_failure}.
count(Host) ->
    Pattern = #push_device{key = {'$1', '_'}, us = {'_', Host}, registered_at = '_', info = '_'},
    Add = fun(App, Counts) -> maps:update_with(App, fun(N) -> N + 1 end, 1, Counts) end,
    fold_values(Pattern, Add, #{}).

-spec owners_of(Host :: binary(), App :: binary()) ->
    {ok, [push_devices:us()]} | {error, db_failure}.
owners_of(Host, App) ->
    Pattern = #push_device{key = {App, '_'}, us = {'$1', Host}, registered_at = '_', info = '_'},
    case fold_values(Pattern, fun(User, Users) -> Users#{User => true} end, #{}) of
        {ok, Users} -> {ok, [{User, Host} || User <- maps:keys(Users)]};
        Error -> Error
    end.

%% Over $1 of the rows that fit.
fold_values(Pattern, Fun, Acc) ->
    Select = fun() -> mnesia:select(push_device, [{Pattern, [], ['$1']}], ?CHUNK, read) end,
    try {ok, mnesia:async_dirty(fun() -> fold_chunks(Select(), Fun, Acc) end)}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

fold_chunks('$end_of_table', _Fun, Acc) ->
    Acc;
fold_chunks({Values, More}, Fun, Acc) ->
    fold_chunks(mnesia:select(More), Fun, lists:foldl(Fun, Acc, Values)).

-spec secret(binary(), atom(), binary()) -> {ok, binary()} | {error, db_failure}.
secret(_Host, Name, Fresh) ->
    transaction(fun() ->
        case mnesia:read(push_secret, Name, write) of
            [#push_secret{value = Value}] ->
                Value;
            [] ->
                ok = mnesia:write(#push_secret{name = Name, value = Fresh}),
                Fresh
        end
    end).

-spec set_secret(binary(), atom(), binary()) -> ok | {error, db_failure}.
set_secret(_Host, Name, Value) ->
    case transaction(fun() -> mnesia:write(#push_secret{name = Name, value = Value}) end) of
        {ok, ok} -> ok;
        Error -> Error
    end.

-spec fold(Host :: binary(), fun(([push_devices:device()], Acc) -> Acc), Acc) ->
    {ok, Acc} | {error, db_failure}.
fold(Host, Fun, Acc) ->
    Pattern = #push_device{key = '_', us = {'_', Host}, registered_at = '_', info = '_'},
    First = fun() -> mnesia:select(push_device, [{Pattern, [], ['$_']}], ?CHUNK, read) end,
    try
        %% Writes meanwhile move no row to where has been read already.
        ok = fix(true),
        {ok, fold_rows(mnesia:async_dirty(First), Fun, Acc)}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    after
        fix(false)
    end.

%% An activity for each step: the function may have its own.
fold_rows('$end_of_table', _Fun, Acc) ->
    Acc;
fold_rows({Rows, More}, Fun, Acc) ->
    Folded = Fun([to_device(Row) || Row <- Rows], Acc),
    fold_rows(mnesia:async_dirty(fun() -> mnesia:select(More) end), Fun, Folded).

fix(Switch) ->
    _ = case mnesia:table_info(push_device, storage_type) of
        disc_only_copies -> dets:safe_fixtable(push_device, Switch);
        unknown -> elsewhere;
        _ -> ets:safe_fixtable(push_device, Switch)
    end,
    ok.

-spec is_empty(Host :: binary()) -> {ok, boolean()} | {error, db_failure}.
is_empty(_Host) ->
    try {ok, mnesia:table_info(push_device, size) =:= 0}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

%% All vhosts of the cluster share one table.
-spec place(binary()) -> term().
place(_Host) ->
    ?MODULE.

delete_if(Condition, Rows) ->
    Gone = [Device || Device <- [to_device(Row) || Row <- Rows], Condition(Device)],
    lists:foreach(fun delete/1, Gone),
    Gone.

delete(#{app := App, token := Token}) ->
    ok = mnesia:delete({push_device, {App, Token}}).

transaction(Fun) ->
    %% Other nodes read dirtily as soon as this returns: by then they must have it.
    case mnesia:sync_transaction(Fun) of
        {atomic, Result} -> {ok, Result};
        {aborted, Reason} -> failure(Reason)
    end.

%% The reason may hold a row: no tokens in logs.
failure(Reason) ->
    What = case Reason of
        {no_exists, _} -> "the table does not exist";
        _ -> "transaction aborted"
    end,
    ?ERROR_MSG("Mnesia, table push_device: ~ts", [What]),
    {error, db_failure}.

to_row(#{us := US, app := App, token := Token, registered_at := At} = Device) ->
    Info = maps:without([us, app, token, registered_at], Device),
    #push_device{key = {App, Token}, us = US, registered_at = At, info = Info}.

to_device(#push_device{key = {App, Token}, us = US, registered_at = At, info = Info}) ->
    Info#{us => US, app => App, token => Token, registered_at => At}.
