%% How many devices a user's clients may register or unregister in a minute: each is a transaction
%% and a round through all nodes' registries, and any account can ask for it. Counted on each node
%% by itself.
-module(push_rate).

-export([init/0, allowed/3]).

-type us() :: {binary(), binary()}.

-define(TABLE, push_rate).
%% A phone registers one or two tokens when its app starts; a user has some phones.
-define(PER_MINUTE, 60).
%% Users counted in one minute; those beyond are not, and may register. Some 20 MB.
-define(MAX_USERS, 100000).

%% The caller owns the table.
-spec init() -> ok.
init() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {write_concurrency, true}]),
    true = ets:insert(?TABLE, {minute, 0}),
    ok.

%% Counts so many changes at Now, Unix seconds. false: they are too many, and none of them may be.
-spec allowed(us(), Now :: non_neg_integer(), Count :: pos_integer()) -> boolean().
allowed(US, Now, Count) ->
    try
        ok = forget_before(Now div 60),
        count(US, Count) =< ?PER_MINUTE
    catch
        %% push_service, the owner, starts again.
        error:badarg -> true
    end.

%% The table has the users of one minute only. Two callers at its turn may both empty it.
forget_before(Minute) ->
    case ets:lookup_element(?TABLE, minute, 2) of
        Minute ->
            ok;
        _ ->
            true = ets:delete_all_objects(?TABLE),
            true = ets:insert(?TABLE, {minute, Minute}),
            ok
    end.

count(US, Count) ->
    case ets:info(?TABLE, size) =< ?MAX_USERS orelse ets:member(?TABLE, US) of
        true -> ets:update_counter(?TABLE, US, Count, {US, 0});
        false -> 0
    end.
