%% Removals of devices in Mnesia: a row for each owner who has any.
-module(push_removals_mnesia).

-behaviour(push_removals).

-export([init/2, add/3, lookup/1, forget/1, expire/3]).

-include("logger.hrl").

-record(push_removal, {
    us :: push_devices:us() | '$1',
    %% Of the oldest: what is too old is found without a look into the rest.
    oldest :: non_neg_integer() | '$2',
    removals :: [push_removals:removal(), ...] | '_'
}).

-spec init(Host :: binary(), gen_mod:opts()) -> ok.
init(_Host, _Opts) ->
    {atomic, ok} = ejabberd_mnesia:create(?MODULE, push_removal,
        [{disc_copies, [node()]}, {attributes, record_info(fields, push_removal)}]),
    ok.

-spec add(push_devices:us(), [push_removals:removal()], pos_integer()) ->
    {ok, non_neg_integer()} | {error, db_failure}.
add(US, New, Max) ->
    transaction(fun() ->
        All = New ++ removals(mnesia:read(push_removal, US, write)),
        Kept = push_removals:kept(All, Max),
        ok = write(US, Kept),
        length(All) - length(Kept)
    end).

-spec lookup(push_devices:us()) -> {ok, [push_removals:removal()]} | {error, db_failure}.
lookup(US) ->
    try {ok, removals(mnesia:dirty_read(push_removal, US))}
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

-spec forget(push_devices:us()) -> ok | {error, db_failure}.
forget(US) ->
    case transaction(fun() -> mnesia:delete({push_removal, US}) end) of
        {ok, ok} -> ok;
        Error -> Error
    end.

-spec expire(binary(), non_neg_integer(), pos_integer()) -> done | more | {error, db_failure}.
expire(_Host, Before, Limit) ->
    Pattern = #push_removal{us = '$1', oldest = '$2', removals = '_'},
    Select = fun() ->
        found(mnesia:select(push_removal, [{Pattern, [{'<', '$2', Before}], ['$1']}], Limit, read))
    end,
    try mnesia:async_dirty(Select) of
        [] -> done;
        Owners -> expire_each(Owners, Before)
    catch
        exit:{aborted, Reason} -> failure(Reason)
    end.

%% A select with a limit may say: nothing so far.
found('$end_of_table') -> [];
found({[], More}) -> found(mnesia:select(More));
found({Owners, _More}) -> Owners.

expire_each(Owners, Before) ->
    Expired = transaction(fun() ->
        lists:foreach(fun(US) ->
            Removals = removals(mnesia:read(push_removal, US, write)),
            write(US, [R || #{removed_at := At} = R <- Removals, At >= Before])
        end, lists:sort(Owners))
    end),
    case Expired of
        {ok, ok} -> more;
        Error -> Error
    end.

removals([]) -> [];
removals([#push_removal{removals = Removals}]) -> Removals.

write(US, []) ->
    mnesia:delete({push_removal, US});
write(US, Removals) ->
    Oldest = lists:min([At || #{removed_at := At} <- Removals]),
    mnesia:write(#push_removal{us = US, oldest = Oldest, removals = Removals}).

transaction(Fun) ->
    case mnesia:transaction(Fun) of
        {atomic, Result} -> {ok, Result};
        {aborted, Reason} -> failure(Reason)
    end.

failure(Reason) ->
    What = case Reason of
        {no_exists, _} -> "the table does not exist";
        _ -> "transaction aborted"
    end,
    ?ERROR_MSG("Mnesia, table push_removal: ~ts", [What]),
    {error, db_failure}.
